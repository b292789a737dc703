#include <fmt/format.h>

#include <memory>
#include <nlohmann/json.hpp>

#include "cli/commands.h"
#include "cli/dataset_info.h"
#include "cli/flag_rules.h"
#include "cli/image_shape.h"
#include "cli/options.h"
#include "cli/output.h"
#include "cli/progress.h"
#include "data/files/error.h"
#include "data/import/cifar.h"
#include "data/import/image_folder.h"
#include "data/import/imagenet32.h"
#include "runtime/foreign_text.h"

namespace cascadecl {
namespace {

enum class Format { cifar10, cifar100, imagenet32, folder };

struct Inputs {
  std::string source, target;
  Cifar100Labels labels = Cifar100Labels::fine;
  std::string size = "3x32x32";
  ImageFolderSettings folder;
};

Format parse_format(const std::string& text) {
  if (text == "cifar10") return Format::cifar10;
  if (text == "cifar100") return Format::cifar100;
  if (text == "imagenet32") return Format::imagenet32;
  if (text == "folder") return Format::folder;
  throw UsageError(fmt::format("unknown format '{}': expected cifar10, cifar100, imagenet32 or folder", text));
}

void print_result(const std::string& file, const ImageFolderResult& result, bool json) {
  if (json) {
    nlohmann::ordered_json skipped = nlohmann::ordered_json::array();
    for (const ImageFolderResult::Skipped& image : result.skipped)
      skipped.push_back({{"file", image.file.string()}, {"problem", image.problem}});
    nlohmann::ordered_json info = dataset_info_json(file);
    info["images"] = result.images;
    info["skipped_images"] = result.skipped.size();
    info["skipped"] = skipped;
    info["ignored_files"] = result.ignored.size();
    info["unlabelled_splits"] = result.unlabelled;
    return print_json(info);
  }
  print(dataset_info_text(file));
  if (!result.skipped.empty()) {
    print_line(fmt::format("\nskipped {} broken images:", grouped(static_cast<long long>(result.skipped.size()))));
    for (const ImageFolderResult::Skipped& image : result.skipped) print_line("  " + shown_line(image.problem));
  }
  if (!result.ignored.empty())
    print_line(fmt::format("\nignored {} files that are not called as images are, the first {}",
                           grouped(static_cast<long long>(result.ignored.size())),
                           shown_line(result.ignored.front().string())));
  for (const std::string& split : result.unlabelled)
    print_line(fmt::format("\nleft out {}: it has no folder of a class", split));
}

void import_folder(Inputs inputs, const Options& options) {
  const ImageShape shape = parse_image_shape(inputs.size, "size");
  inputs.folder.dims = {shape.channels, shape.height, shape.width};
  std::unique_ptr<Progress> progress;
  inputs.folder.progress = [&](std::int64_t done, std::int64_t total) {
    if (!progress) progress = std::make_unique<Progress>("importing", total, options.quiet());
    progress->update(done);
  };
  const ImageFolderResult result = import_image_folder(inputs.source, inputs.target, inputs.folder);
  progress.reset();
  print_result(inputs.target, result, options.json());
}

}  // namespace

void run_data_import(const Arguments& arguments) {
  std::string format_text;
  Inputs inputs;
  DatasetWriter::Settings& storage = inputs.folder.storage;
  Options options("data import cifar10|cifar100|imagenet32|folder FOLDER -o FILE [flags]",
                  "Makes a dataset file from the published binary files of CIFAR-10 or CIFAR-100, from the published\n"
                  "batches of ImageNet32x32 (pickled or npz), or from image files in FOLDER/train/CLASS and\n"
                  "FOLDER/test/CLASS, or FOLDER/CLASS. Pickles are read as data: nothing in them is executed.");
  options.add_positional("FORMAT", format_text);
  options.add_positional("FOLDER", inputs.source);
  options.add_text("output,o", inputs.target, "FILE", "the dataset file to write");
  options.add_choice<Cifar100Labels>("labels", inputs.labels,
                                     {{"fine", Cifar100Labels::fine}, {"coarse", Cifar100Labels::coarse}},
                                     "which labels of CIFAR-100 become the classes");
  options.add_text("size", inputs.size, "CxHxW",
                   "channels (3 or 1), rows and columns that images of a folder get: their middle, resized");
  options.add_choice<FolderLayout>(
      "layout", inputs.folder.layout,
      {{"auto", FolderLayout::automatic}, {"splits", FolderLayout::splits}, {"classes", FolderLayout::classes}},
      "what the folders in FOLDER are: splits if one is train and all are called like "
      "splits, or classes");
  options.add_switch("strict", inputs.folder.strict, "refuse a folder with a broken image instead of skipping it");
  options.add_number("chunk", storage.chunk_images, 1, 65536, "images in a compressed chunk");
  options.add_number("deflate", storage.deflate, 1, 9, "compression level");
  if (!options.parse(arguments)) return print(options.help());
  options.require("FORMAT");
  options.require("FOLDER");
  options.require("output");
  const Format format = parse_format(format_text);
  check_flags(options, {{format != Format::cifar100, {"labels"}, "only with cifar100"},
                        {format != Format::folder, {"size", "layout", "strict"}, "only with folder"}});
  if (format == Format::folder) return import_folder(inputs, options);
  if (format == Format::cifar10) import_cifar10(inputs.source, inputs.target, storage);
  if (format == Format::cifar100) import_cifar100(inputs.source, inputs.labels, inputs.target, storage);
  if (format == Format::imagenet32) import_imagenet32(inputs.source, inputs.target, storage);
  print_dataset_info(inputs.target, options.json());
}

}  // namespace cascadecl
