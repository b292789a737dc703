#include <fmt/format.h>

#include "cli/commands.h"
#include "cli/dataset_info.h"
#include "cli/options.h"
#include "cli/output.h"
#include "cli/progress.h"
#include "data/cifar.h"
#include "data/error.h"
#include "data/generate.h"

namespace cascadecl {
namespace {

constexpr std::string_view usage =
    "usage: cascadecl data import cifar10|cifar100 FOLDER -o FILE\n"
    "       cascadecl data generate -o FILE\n"
    "       cascadecl data info FILE\n\n"
    "Makes and describes dataset files. Each has its own --help.\n";

void run_import(const Arguments& arguments) {
  std::string format, folder, target;
  auto labels = Cifar100Labels::fine;
  DatasetWriter::Settings storage;
  Options options("data import cifar10|cifar100 FOLDER -o FILE [flags]",
                  "Makes a dataset file from the published binary files of CIFAR-10 or CIFAR-100 in FOLDER.");
  options.add_positional("FORMAT", format);
  options.add_positional("FOLDER", folder);
  options.add_text("output,o", target, "FILE", "the dataset file to write");
  options.add_choice<Cifar100Labels>("labels", labels,
                                     {{"fine", Cifar100Labels::fine}, {"coarse", Cifar100Labels::coarse}},
                                     "which labels of CIFAR-100 become the classes");
  options.add_number("chunk", storage.chunk_images, 1, 65536, "images in a compressed chunk");
  options.add_number("deflate", storage.deflate, 1, 9, "compression level");
  if (!options.parse(arguments)) return print(options.help());
  options.require("FORMAT");
  options.require("FOLDER");
  options.require("output");
  if (format != "cifar10" && format != "cifar100") {
    throw UsageError(fmt::format("unknown format '{}': expected cifar10 or cifar100", format));
  }
  if (format == "cifar10") {
    if (options.given("labels")) throw UsageError("--labels is for cifar100 only");
    import_cifar10(folder, target, storage);
  } else {
    import_cifar100(folder, labels, target, storage);
  }
  print_dataset_info(target, options.json());
}

void run_generate(const Arguments& arguments) {
  std::string target;
  GenerateSettings settings;
  DatasetWriter::Settings storage;
  Options options("data generate -o FILE [flags]",
                  "Draws a dataset of ten classes of shapes, from large and clean to small, noisy and occluded ones.\n"
                  "The same seed gives the same images on every machine.");
  options.add_text("output,o", target, "FILE", "the dataset file to write");
  options.add_number("train", settings.train_images, 1, 100'000'000, "number of training images");
  options.add_number("test", settings.test_images, 0, 100'000'000, "number of test images");
  options.add_number("size", settings.size, 8, 1024, "side of the images in pixels");
  options.add_number("seed", settings.seed, "which images are drawn");
  options.add_number("chunk", storage.chunk_images, 1, 65536, "images in a compressed chunk");
  options.add_number("deflate", storage.deflate, 1, 9, "compression level");
  if (!options.parse(arguments)) return print(options.help());
  options.require("output");
  generate_dataset(settings, target, storage);
  print_dataset_info(target, options.json());
}

void run_data_info(const Arguments& arguments) {
  std::string file;
  Options options("data info FILE [flags]", "Shows what a dataset file holds.");
  options.add_positional("FILE", file);
  if (!options.parse(arguments)) return print(options.help());
  options.require("FILE");
  print_dataset_info(file, options.json());
}

}  // namespace

void run_data(const Arguments& arguments) {
  if (arguments.empty()) throw UsageError("import, generate or info is missing (see cascadecl data --help)");
  const std::string& action = arguments.front();
  const Arguments rest(arguments.begin() + 1, arguments.end());
  if (action == "--help" || action == "-h") return print(usage);
  if (action == "import") return run_import(rest);
  if (action == "generate") return run_generate(rest);
  if (action == "info") return run_data_info(rest);
  throw UsageError(fmt::format("unknown action '{}': expected import, generate or info", action));
}

}  // namespace cascadecl
