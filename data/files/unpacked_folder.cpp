#include "data/files/unpacked_folder.h"

#include <fmt/format.h>
#include <stdlib.h>

#include <fstream>
#include <system_error>
#include <utility>
#include <vector>

#include "data/files/archive.h"
#include "data/files/error.h"

namespace cascadecl {
namespace {

namespace fs = std::filesystem;

constexpr std::int64_t most_file_bytes = std::int64_t{1} << 29;

void unpack_file(Archive& archive, const fs::path& target) {
  std::ofstream out(target, std::ios::binary);
  std::vector<std::uint8_t> piece(1 << 20);
  std::int64_t bytes = 0;
  for (std::size_t count = archive.read(piece); count > 0; count = archive.read(piece)) {
    if ((bytes += static_cast<std::int64_t>(count)) > most_file_bytes) archive.fail("is too large");
    out.write(reinterpret_cast<const char*>(piece.data()), static_cast<std::streamsize>(count));
  }
  out.close();
  if (!out) throw OutputError(fmt::format("{}: cannot write", target.string()));
}

void remove_quietly(const fs::path& folder) {
  std::error_code ignored;
  fs::remove_all(folder, ignored);
}

}  // namespace

UnpackedFolder::UnpackedFolder(const fs::path& archive, std::set<std::string> names, const fs::path& parent)
    : missing_(std::move(names)) {
  std::string name = (parent / "unpacked-XXXXXX").string();
  if (!::mkdtemp(name.data())) throw OutputError(fmt::format("{}: cannot create a folder in it", parent.string()));
  path_ = name;
  try {
    Archive files(archive, Archive::Format::tar_gz);
    while (files.next()) {
      const std::string file = fs::path(files.name()).filename().string();
      if (missing_.erase(file) > 0) unpack_file(files, path_ / file);
    }
  } catch (...) {
    remove_quietly(path_);
    throw;
  }
}

UnpackedFolder::~UnpackedFolder() { remove_quietly(path_); }

}  // namespace cascadecl
