# Writes OUTPUT, a C++ file with every kernel source of SOURCES (a ;-list) as a string, local #include "x.h" lines replaced by
# the text of kernels/x.h. Run as: cmake -DSOURCES=... -DKERNEL_DIR=... -DOUTPUT=... -P embed.cmake
include(${CMAKE_CURRENT_LIST_DIR}/../share/cmake/embed_text.cmake)
set(entries "")
foreach(source IN LISTS SOURCES)
  get_filename_component(name ${source} NAME)
  file(READ ${KERNEL_DIR}/${source} text)
  while(text MATCHES "#include \"([a-z0-9_]+\\.h)\"")
    set(header ${CMAKE_MATCH_1})
    file(READ ${KERNEL_DIR}/${header} header_text)
    string(REPLACE "#include \"${header}\"" "${header_text}" text "${text}")
  endwhile()
  append_text(entries ${name} "${text}")
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
