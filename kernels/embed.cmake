# Writes OUTPUT, a C++ file with every kernel source of SOURCES (a ;-list) as a string, local #include "x.h" lines replaced by
# the text of kernels/x.h. Run as: cmake -DSOURCES=... -DKERNEL_DIR=... -DOUTPUT=... -P embed.cmake
set(entries "")
foreach(source IN LISTS SOURCES)
  get_filename_component(name ${source} NAME)
  file(READ ${KERNEL_DIR}/${source} text)
  while(text MATCHES "#include \"([a-z0-9_]+\\.h)\"")
    set(header ${CMAKE_MATCH_1})
    file(READ ${KERNEL_DIR}/${header} header_text)
    string(REPLACE "#include \"${header}\"" "${header_text}" text "${text}")
  endwhile()
  # A string literal may hold 64 KiB; pieces of 8,000 characters are joined by the compiler.
  set(pieces "")
  string(LENGTH "${text}" length)
  set(start 0)
  while(start LESS length)
    string(SUBSTRING "${text}" ${start} 8000 piece)
    string(APPEND pieces "R\"__(${piece})__\"\n")
    math(EXPR start "${start} + 8000")
  endwhile()
  string(APPEND entries "    {\"${name}\",\n${pieces}},\n")
endforeach()
file(WRITE ${OUTPUT} "// Generated from kernels/ by embed.cmake.
#include \"kernels/sources.h\"

namespace cascadecl {

const std::map<std::string, std::string, std::less<>>& kernel_sources() {
  static const std::map<std::string, std::string, std::less<>> sources{
${entries}  };
  return sources;
}

}  // namespace cascadecl
")
