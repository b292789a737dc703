# Runs PROGRAM with FILTER (doctest options) under OCLGRIND, which checks every access of every kernel and looks for data
# races; fails unless the tests pass and it reports nothing. LOG is the report.
file(REMOVE ${LOG})
execute_process(COMMAND ${OCLGRIND} --data-races --check-api --log ${LOG} ${PROGRAM} ${FILTER} RESULT_VARIABLE status)
if(NOT status EQUAL 0)
  message(FATAL_ERROR "the tests failed: ${status}")
endif()
if(EXISTS ${LOG})
  file(READ ${LOG} report LIMIT 10000)
  if(NOT report STREQUAL "")
    message(FATAL_ERROR "Oclgrind reports (${LOG}):\n${report}")
  endif()
endif()
