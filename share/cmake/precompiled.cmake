# Headers that most sources include, parsed once and not in each: precompiled/headers.h. GCC makes 120 MiB of them, once for
# libraries and once for the programs of the tests, which are compiled with other flags. What does without OpenCL, as data
# does, does without them.

# cascadecl_precompile(OWNER): a target that others take the headers from.
function(cascadecl_precompile owner)
  add_library(${owner} OBJECT ${PROJECT_SOURCE_DIR}/share/cmake/precompiled/owner.cpp)
  target_link_libraries(${owner} PRIVATE cascadecl_settings fmt::fmt OpenCL::OpenCL)
  target_precompile_headers(${owner} PRIVATE ${PROJECT_SOURCE_DIR}/share/cmake/precompiled/headers.h)
endfunction()

# cascadecl_use_precompiled(TARGET OWNER): TARGET's sources take the headers of OWNER.
function(cascadecl_use_precompiled target owner)
  target_precompile_headers(${target} REUSE_FROM ${owner})
  # With it ccache sees that a source takes them.
  target_compile_options(${target} PRIVATE $<$<CXX_COMPILER_ID:GNU>:-fpch-preprocess>)
endfunction()

# cascadecl_optimise_little(TARGET): -O1, since what takes time is in the libraries. Not from GCC 13 on, which refuses headers
# that were parsed at another level; they save more time than -O1 does.
function(cascadecl_optimise_little target)
  if(NOT (CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_GREATER_EQUAL 13))
    target_compile_options(${target} PRIVATE $<$<CONFIG:Release>:-O1>)
  endif()
endfunction()

cascadecl_precompile(cascadecl_precompiled)
