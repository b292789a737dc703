#pragma once
#include <filesystem>
#include <optional>
#include <string>

#include "data/files/download.h"
#include "data/import/cifar.h"

namespace cascadecl {

struct FetchSettings {
  std::string url;                   // empty: the published one
  std::optional<Checksum> checksum;  // of the archive; none: the published one
  std::filesystem::path cache;       // folder where archives are kept and unpacked for a moment
  DownloadSettings download;
  DatasetWriter::Settings storage;
};

// Downloads the published archive of the binary version of CIFAR-10 (162 MiB) or CIFAR-100 (161 MiB) to the cache,
// unless it is there, and imports it (see import_cifar10() and import_cifar100()). The archive may have the files in
// any folder; other files in it are not unpacked. Whatever can be known to fail without the archive fails before it is
// downloaded. Throws what download(), import_cifar10() and import_cifar100() throw, and FileError naming the archive if
// a file in it is missing or damaged.
void fetch_cifar10(const std::filesystem::path& target, const FetchSettings& settings);
void fetch_cifar100(Cifar100Labels labels, const std::filesystem::path& target, const FetchSettings& settings);

}  // namespace cascadecl
