#include "tests/fuzz/input_file.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include <stdexcept>
#include <string>

namespace cascadecl::fuzz {
namespace {

// Removed when the program ends, unless it is killed.
struct Folder {
  Folder() {
    std::string name =
        std::filesystem::exists("/dev/shm") ? "/dev/shm/cascadecl-fuzz-XXXXXX" : "/tmp/cascadecl-fuzz-XXXXXX";
    if (!::mkdtemp(name.data())) throw std::runtime_error("cannot create a folder for inputs");
    path = name;
  }
  ~Folder() {
    std::error_code ignored;
    std::filesystem::remove_all(path, ignored);
  }
  std::filesystem::path path;
};

}  // namespace

std::filesystem::path as_file(std::span<const std::uint8_t> bytes, const char* ending) {
  static const Folder folder;
  const std::filesystem::path file = folder.path / (std::string("input") + ending);
  const int descriptor = ::open(file.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (descriptor < 0) throw std::runtime_error("cannot write the input");
  for (std::size_t done = 0; done < bytes.size();) {
    const ssize_t written = ::write(descriptor, bytes.data() + done, bytes.size() - done);
    if (written <= 0) throw std::runtime_error("cannot write the input");
    done += static_cast<std::size_t>(written);
  }
  ::close(descriptor);
  return file;
}

}  // namespace cascadecl::fuzz
