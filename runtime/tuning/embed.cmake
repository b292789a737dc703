# Writes OUTPUT, a C++ file with the texts of FILES (a ;-list of share/tuning/*.json) by their names.
# Run as: cmake -DFILES=... -DOUTPUT=... -P embed.cmake
include(${CMAKE_CURRENT_LIST_DIR}/../../share/cmake/embed_text.cmake)
set(entries "")
foreach(file IN LISTS FILES)
  get_filename_component(name ${file} NAME_WE)
  file(READ ${file} text)
  append_text(entries ${name} "${text}")
endforeach()
write_texts(${OUTPUT} share/tuning/ runtime/tuning/shipped.h shipped_tuning_texts "${entries}")
