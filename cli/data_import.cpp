#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <optional>

#include "cli/commands.h"
#include "cli/flag_rules.h"
#include "cli/image_shape.h"
#include "cli/import_result.h"
#include "cli/options.h"
#include "cli/output.h"
#include "cli/progress.h"
#include "cli/shell_command.h"
#include "data/dataset_file.h"
#include "data/files/error.h"
#include "data/import/cifar.h"
#include "data/import/csv.h"
#include "data/import/idx.h"
#include "data/import/image_folder.h"
#include "data/import/imagenet32.h"
#include "data/import/name_list.h"
#include "data/import/npz.h"

namespace cascadecl {
namespace {

enum class Format { cifar10, cifar100, imagenet32, folder, csv, idx, npz };

constexpr std::string_view formats = "cifar10, cifar100, imagenet32, folder, csv, idx or npz";

struct Inputs {
  Format format = Format::folder;
  std::string source, target, size, names;
  Cifar100Labels labels = Cifar100Labels::fine;
  FolderLayout layout = FolderLayout::automatic;
  ImageFilesSettings settings;
  bool of_files() const { return format == Format::folder || format == Format::csv; }
  bool of_arrays() const { return format == Format::idx || format == Format::npz; }
};

Format parse_format(const std::string& text) {
  if (text == "cifar10") return Format::cifar10;
  if (text == "cifar100") return Format::cifar100;
  if (text == "imagenet32") return Format::imagenet32;
  if (text == "folder") return Format::folder;
  if (text == "csv") return Format::csv;
  if (text == "idx") return Format::idx;
  if (text == "npz") return Format::npz;
  throw UsageError(fmt::format("unknown format '{}': expected {}", text, formats));
}

std::optional<ImageDims> parse_size(const std::string& size) {
  if (size.empty()) return {};
  const ImageShape shape = parse_image_shape(size, "size");
  const ImageDims dims{shape.channels, shape.height, shape.width};
  check_image_dims(dims);
  return dims;
}

ImportResult import_files(Inputs inputs, const Options& options) {
  ImageFilesSettings& settings = inputs.settings;
  settings.dims = parse_size(inputs.size).value_or(settings.dims);
  std::unique_ptr<Progress> progress;
  settings.progress = [&](std::int64_t done, std::int64_t total) {
    if (!progress) progress = std::make_unique<Progress>("importing", total, options.quiet());
    progress->update(done);
  };
  ImportResult result;
  if (inputs.format == Format::csv) {
    result.files = ImageFolderResult{import_csv(inputs.source, inputs.target, settings), {}, {}};
  } else {
    result.files = import_image_folder(inputs.source, inputs.target, settings, inputs.layout);
  }
  if (inputs.size.empty())
    result.notes.push_back(fmt::format("images became {}x{}x{} (channels, rows, columns); --size CxHxW chooses another",
                                       settings.dims.channels, settings.dims.height, settings.dims.width));
  return result;
}

void import_arrays(const Inputs& inputs) {
  const std::vector<std::string> names =
      inputs.names.empty() ? std::vector<std::string>() : read_name_list(inputs.names);
  const auto import = inputs.format == Format::idx ? import_idx : import_npz;
  import(inputs.source, names, parse_size(inputs.size), inputs.target, inputs.settings.common);
}

// A note if there are no images to judge a model on, with the command that mends it.
void miss_test(const Inputs& inputs, const Arguments& arguments, ImportResult& result) {
  if (std::ranges::find(result.facts.splits, "test", &DatasetFacts::Split::name) != result.facts.splits.end()) return;
  Arguments words = {"cascadecl", "data", "import"};
  words.insert(words.end(), arguments.begin(), arguments.end());
  words.insert(words.end(), {"--test-share", "0.2"});
  result.notes.push_back(
      fmt::format("{} has no split test, which a model is judged on; with a fifth of each class as one: {}",
                  inputs.target, shell_command(words)));
}

ImportResult import_dataset(const Inputs& inputs, const Arguments& arguments, const Options& options) {
  const DatasetWriter::Settings& storage = inputs.settings.common.storage;
  ImportResult result;
  if (inputs.of_files()) result = import_files(inputs, options);
  if (inputs.of_arrays()) import_arrays(inputs);
  if (inputs.format == Format::cifar10) import_cifar10(inputs.source, inputs.target, storage);
  if (inputs.format == Format::cifar100) import_cifar100(inputs.source, inputs.labels, inputs.target, storage);
  if (inputs.format == Format::imagenet32) import_imagenet32(inputs.source, inputs.target, storage);
  result.facts = describe_dataset(inputs.target);
  miss_test(inputs, arguments, result);
  return result;
}

}  // namespace

void run_data_import(const Arguments& arguments) {
  std::string format;
  Inputs inputs;
  ImportSettings& common = inputs.settings.common;
  Options options("data import FORMAT SOURCE -o FILE [flags]",
                  "Makes a dataset file of what SOURCE holds. FORMAT is one of\n"
                  "  folder      image files in SOURCE/train/CLASS and SOURCE/test/CLASS, or SOURCE/CLASS\n"
                  "  csv         a file of lines FILE,LABEL or FILE,LABEL,SPLIT, with a header or without\n"
                  "  npz         arrays of NumPy: x_train, y_train, x_test, y_test, or images, labels\n"
                  "  idx         a folder of MNIST's files (train-images-idx3-ubyte, ..., also .gz)\n"
                  "  cifar10     the published folder or archive of CIFAR-10, binary or for Python\n"
                  "  cifar100    the same of CIFAR-100\n"
                  "  imagenet32  the published batches of ImageNet32x32 (pickled or npz)\n"
                  "Pickles are read as data: nothing in them is executed.");
  options.add_positional("FORMAT", format);
  options.add_positional("SOURCE", inputs.source);
  options.add_output("output,o", inputs.target, "FILE", "the dataset file to write");
  options.add_choice<Cifar100Labels>("labels", inputs.labels,
                                     {{"fine", Cifar100Labels::fine}, {"coarse", Cifar100Labels::coarse}},
                                     "which labels of CIFAR-100 become the classes");
  options.add_text("size", inputs.size, "CxHxW",
                   "channels (3 or 1), rows and columns that images get: their middle, resized. Without it files "
                   "become 3x32x32, and images of idx and npz stay as they are");
  options.add_number("test-share", common.test_share, 0, 0.9,
                     "share of the images of each class of train that become the split test, where there is none");
  options.add_number("seed", common.seed, "which images become test");
  options.add_text("names", inputs.names, "FILE",
                   "names of the classes of idx and npz, one a line; without it they are called 0, 1, ...");
  options.add_choice<FolderLayout>(
      "layout", inputs.layout,
      {{"auto", FolderLayout::automatic}, {"splits", FolderLayout::splits}, {"classes", FolderLayout::classes}},
      "what the folders in SOURCE are: splits if one is train and all are called like "
      "splits, or classes");
  options.add_switch("strict", inputs.settings.strict,
                     "refuse a broken image, or a link that leads nowhere, instead of skipping it");
  options.add_number("chunk", common.storage.chunk_images, 1, 65536, "images in a compressed chunk");
  options.add_number("deflate", common.storage.deflate, 1, 9, "compression level");
  options.add_example("data import folder photos -o photos.h5 --size 3x64x64 --test-share 0.2",
                      "Pictures in photos/CLASS, brought to 64x64, a fifth of them to test");
  options.add_example("data import csv list.csv -o photos.h5", "Pictures that a file of names and labels lists");
  if (!options.parse(arguments)) return print(options.help());
  options.require("FORMAT");
  options.require("SOURCE");
  options.require("output");
  inputs.format = parse_format(format);
  check_flags(
      options,
      {{inputs.format != Format::cifar100, {"labels"}, "only with cifar100"},
       {inputs.format != Format::folder, {"layout"}, "only with folder"},
       {!inputs.of_files(), {"strict"}, "only with folder and csv"},
       {!inputs.of_arrays(), {"names"}, "only with idx and npz"},
       {!inputs.of_files() && !inputs.of_arrays(), {"size", "test-share"}, "only with folder, csv, idx and npz"},
       {common.test_share == 0, {"seed"}, "only with --test-share"}});
  print_import_result(import_dataset(inputs, arguments, options), options.json());
}

}  // namespace cascadecl
