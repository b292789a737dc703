#include "data/import/fetch_cifar.h"

#include <fmt/format.h>

#include <set>
#include <string>

#include "data/files/atomic_file.h"
#include "data/files/error.h"
#include "data/files/unpacked_folder.h"

namespace cascadecl {
namespace {

namespace fs = std::filesystem;

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
  const UnpackedFolder folder(archive, published.files, settings.cache);
  if (!folder.missing().empty())
    throw FileError(fmt::format("{}: holds no {}", archive.string(), *folder.missing().begin()));
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
