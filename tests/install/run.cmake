# run(word...): runs a command and sets `output` to what it printed; ends the test with all of it if it fails.
macro(run)
  execute_process(COMMAND ${ARGN} OUTPUT_VARIABLE output ERROR_VARIABLE error RESULT_VARIABLE status
    OUTPUT_STRIP_TRAILING_WHITESPACE)
  if(NOT status EQUAL 0)
    message(FATAL_ERROR "status ${status} from: ${ARGN}\n${output}\n${error}")
  endif()
endmacro()

function(expect_equal actual expected)
  if(NOT actual STREQUAL expected)
    message(FATAL_ERROR "expected:\n${expected}\ngot:\n${actual}")
  endif()
endfunction()
