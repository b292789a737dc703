# Appends {"NAME", "TEXT"}, to the text in VARIABLE: an entry of a C++ map from names to texts.
function(append_text variable name text)
  # A string literal may hold 64 KiB; pieces of 8,000 characters are joined by the compiler.
  set(pieces "")
  string(LENGTH "${text}" length)
  set(start 0)
  while(start LESS length)
    string(SUBSTRING "${text}" ${start} 8000 piece)
    string(APPEND pieces "R\"__(${piece})__\"\n")
    math(EXPR start "${start} + 8000")
  endwhile()
  set(${variable} "${${variable}}    {\"${name}\",\n${pieces}},\n" PARENT_SCOPE)
endfunction()

# Writes OUTPUT, a C++ file whose FUNCTION, declared in HEADER, gives the map of all ENTRIES. ORIGIN: what it is made from.
function(write_texts output origin header function entries)
  file(WRITE ${output} "// Generated from ${origin} by embed.cmake.
#include \"${header}\"

namespace cascadecl {

const std::map<std::string, std::string, std::less<>>& ${function}() {
  static const std::map<std::string, std::string, std::less<>> texts{
${entries}  };
  return texts;
}

}  // namespace cascadecl
")
endfunction()
