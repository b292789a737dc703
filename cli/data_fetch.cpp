#include <fmt/format.h>

#include <memory>

#include "cli/commands.h"
#include "cli/dataset_info.h"
#include "cli/flag_rules.h"
#include "cli/options.h"
#include "cli/output.h"
#include "cli/progress.h"
#include "data/files/error.h"
#include "data/import/fetch_cifar.h"
#include "runtime/opencl/program_cache.h"

namespace cascadecl {
namespace {

constexpr std::int64_t mib = 1 << 20;

std::filesystem::path cache_folder(const std::string& given) {
  if (!given.empty()) return given;
  const std::filesystem::path folder = ProgramCache::default_folder();
  if (folder.empty()) throw UsageError(fmt::format("--cache is missing: {}", ProgramCache::kNoFolder));
  return folder / "downloads";
}

std::optional<Checksum> expected_checksum(const std::string& md5, const std::string& sha256) {
  if (!md5.empty()) return parse_checksum(ChecksumKind::md5, md5);
  if (!sha256.empty()) return parse_checksum(ChecksumKind::sha256, sha256);
  return std::nullopt;
}

}  // namespace

void run_data_fetch(const Arguments& arguments) {
  std::string name, target, cache, md5, sha256;
  auto labels = Cifar100Labels::fine;
  FetchSettings settings;
  Options options(
      "data fetch cifar10|cifar100 -o FILE [flags]",
      "Downloads the published binary files of CIFAR-10 or CIFAR-100, some 160 MiB, checks them and makes a\n"
      "dataset file. The archive is kept in the cache; a download that was broken off goes on where it was.");
  options.add_positional("NAME", name);
  options.add_output("output,o", target, "FILE", "the dataset file to write");
  options.add_choice<Cifar100Labels>("labels", labels,
                                     {{"fine", Cifar100Labels::fine}, {"coarse", Cifar100Labels::coarse}},
                                     "which labels of CIFAR-100 become the classes");
  options.add_text("url", settings.url, "URL", "another place of the archive, http or https");
  options.add_text("md5", md5, "HEX", "checksum of the archive, if it is not the published one");
  options.add_text("sha256", sha256, "HEX", "the same as SHA-256");
  options.add_text("cache", cache, "FOLDER", "keeps archives; default: folder downloads beside the built kernels");
  options.add_number("chunk", settings.storage.chunk_images, 1, 65536, "images in a compressed chunk");
  options.add_number("deflate", settings.storage.deflate, 1, 9, "compression level");
  if (!options.parse(arguments)) return print(options.help());
  options.require("NAME");
  options.require("output");
  if (name != "cifar10" && name != "cifar100")
    throw UsageError(fmt::format("unknown dataset '{}': expected cifar10 or cifar100", name));
  check_flags(options, {{name == "cifar10", {"labels"}, "only with cifar100"},
                        {!md5.empty(), {"sha256"}, "not with --md5: give one of them"}});
  settings.checksum = expected_checksum(md5, sha256);
  settings.cache = cache_folder(cache);
  std::unique_ptr<Progress> progress;
  settings.download.progress = [&](std::int64_t done, std::int64_t total) {
    if (total < mib) return;
    if (!progress) progress = std::make_unique<Progress>("downloading", total / mib, options.quiet(), 0, "MiB");
    progress->update(done / mib);
  };
  if (name == "cifar10") {
    fetch_cifar10(target, settings);
  } else {
    fetch_cifar100(labels, target, settings);
  }
  progress.reset();
  print_dataset_info(target, options.json());
}

}  // namespace cascadecl
