# Writes OUTPUT, a C++ file with the texts of FILES (a ;-list of share/tuning/*.json) by their names.
# Run as: cmake -DFILES=... -DOUTPUT=... -P embed.cmake
set(entries "")
foreach(file IN LISTS FILES)
  get_filename_component(name ${file} NAME_WE)
  file(READ ${file} text)
  # A string literal may hold 64 KiB; pieces are joined by the compiler.
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
