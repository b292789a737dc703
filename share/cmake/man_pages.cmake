# Writes the manual pages that PROGRAM makes of its flags to FOLDER: cascadecl.1, cascadecl-train.1, ...
file(MAKE_DIRECTORY ${FOLDER})
execute_process(COMMAND ${PROGRAM} help --commands OUTPUT_VARIABLE lines OUTPUT_STRIP_TRAILING_WHITESPACE
  COMMAND_ERROR_IS_FATAL ANY)
string(REPLACE "\n" ";" lines "${lines}")
execute_process(COMMAND ${PROGRAM} help --man OUTPUT_FILE ${FOLDER}/cascadecl.1 COMMAND_ERROR_IS_FATAL ANY)
foreach(line ${lines})
  separate_arguments(words UNIX_COMMAND "${line}")
  execute_process(COMMAND ${PROGRAM} help --man ${words} OUTPUT_VARIABLE page COMMAND_ERROR_IS_FATAL ANY)
  if(page MATCHES "^\\.TH ")  # not all have flags of their own
    string(REPLACE " " "-" name "${line}")
    file(WRITE ${FOLDER}/cascadecl-${name}.1 "${page}")
  endif()
endforeach()
