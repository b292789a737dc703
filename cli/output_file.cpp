#include "cli/output_file.h"

#include "data/files/atomic_file.h"

namespace cascadecl {

void check_writable(const std::string& path) {
  if (!path.empty()) AtomicFile{path};
}

void write_file(const std::string& path, const std::string& text) {
  if (path.empty()) return;
  AtomicFile file(path);
  file.append(text);
  file.commit();
}

}  // namespace cascadecl
