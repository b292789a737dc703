#include "data/import/fetch_cifar.h"

#include <fmt/format.h>
#include <stdlib.h>

#include <fstream>
#include <set>
#include <vector>

#include "data/files/archive.h"
#include "data/files/atomic_file.h"
#include "data/files/error.h"

namespace cascadecl {
namespace {

namespace fs = std::filesystem;

constexpr std::int64_t most_file_bytes = std::int64_t{1} << 29;

struct Published {
  std::string name, md5;
  std::set<std::string> files;
};

Published cifar10() {
  return {"cifar-10-binary",
          "c32a1d4ab5d03f1284b67883e8d87530",
          {"batches.meta.txt", "data_batch_1.bin", "data_batch_2.bin", "data_batch_3.bin", "data_batch_4.bin",
           "data_batch_5.bin", "test_batch.bin"}};
}

Published cifar100() {
  return {"cifar-100-binary",
          "03b5dce01913d631647c71ecec9e9cb8",
          {"coarse_label_names.txt", "fine_label_names.txt", "train.bin", "test.bin"}};
}

// A folder that goes with all its content.
class TemporaryFolder {
 public:
  explicit TemporaryFolder(const fs::path& parent) {
    std::string name = (parent / "unpacked-XXXXXX").string();
    if (!::mkdtemp(name.data())) throw OutputError(fmt::format("{}: cannot create a folder in it", parent.string()));
    path_ = name;
  }
  ~TemporaryFolder() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  const fs::path& path() const { return path_; }

 private:
  fs::path path_;
};

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

// Only the names that are wanted are ever created, so that no name in the archive leads out of the folder.
void unpack(const fs::path& file, std::set<std::string> wanted, const fs::path& folder) {
  Archive archive(file, Archive::Format::tar_gz);
  while (archive.next()) {
    const std::string name = fs::path(archive.name()).filename().string();
    if (wanted.erase(name) > 0) unpack_file(archive, folder / name);
  }
  if (!wanted.empty()) throw FileError(fmt::format("{}: holds no {}", file.string(), *wanted.begin()));
}

template <typename Import>
void fetch(const Published& published, const fs::path& target, const FetchSettings& settings, Import import) {
  { AtomicFile writable(target); }  // tells that the target cannot be written, before the long part
  const Checksum checksum = settings.checksum.value_or(Checksum{ChecksumKind::md5, published.md5});
  const bool is_published = checksum.hex == published.md5;
  const std::string name = is_published ? published.name : fmt::format("{}-{:.16}", published.name, checksum.hex);
  const fs::path archive = settings.cache / (name + ".tar.gz");
  const std::string url =
      settings.url.empty() ? fmt::format("https://www.cs.toronto.edu/~kriz/{}.tar.gz", published.name) : settings.url;
  download(url, archive, checksum, settings.download);
  const TemporaryFolder folder(settings.cache);
  unpack(archive, published.files, folder.path());
  import(folder.path());
}

}  // namespace

void fetch_cifar10(const fs::path& target, const FetchSettings& settings) {
  fetch(cifar10(), target, settings, [&](const fs::path& folder) { import_cifar10(folder, target, settings.storage); });
}

void fetch_cifar100(Cifar100Labels labels, const fs::path& target, const FetchSettings& settings) {
  fetch(cifar100(), target, settings,
        [&](const fs::path& folder) { import_cifar100(folder, labels, target, settings.storage); });
}

}  // namespace cascadecl
