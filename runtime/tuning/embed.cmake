# Writes OUTPUT, a C++ file with the texts of FILES (a ;-list of share/tuning/*.json) by their names.
# Run as: cmake -DFILES=... -DOUTPUT=... -P embed.cmake
include(${CMAKE_CURRENT_LIST_DIR}/../../share/cmake/embed_text.cmake)
set(entries "")
foreach(file IN LISTS FILES)
  get_filename_component(name ${file} NAME_WE)
  file(READ ${file} text)
  append_text(entries ${name} "${text}")
endforeach()
file(WRITE ${OUTPUT} "// Generated from share/tuning/ by embed.cmake.
#include \"runtime/tuning/shipped.h\"

namespace cascadecl {

const std::map<std::string, std::string, std::less<>>& shipped_tuning_texts() {
  static const std::map<std::string, std::string, std::less<>> texts{
${entries}  };
  return texts;
}

}  // namespace cascadecl
")
