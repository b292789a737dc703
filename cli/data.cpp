#include <fmt/format.h>

#include "cli/commands.h"
#include "cli/dataset_info.h"
#include "cli/options.h"
#include "cli/output.h"
#include "data/files/error.h"
#include "data/generated/generate.h"

namespace cascadecl {
namespace {

constexpr std::string_view usage_of_data =
    "usage: cascadecl data import folder|csv|npz|idx|cifar10|cifar100|imagenet32 SOURCE -o FILE\n"
    "       cascadecl data fetch cifar10|cifar100 -o FILE\n"
    "       cascadecl data generate -o FILE\n"
    "       cascadecl data info FILE\n\n"
    "Makes and describes dataset files. Each has its own --help.\n";

void run_generate(const Arguments& arguments) {
  std::string target;
  GenerateSettings settings;
  DatasetWriter::Settings storage;
  Options options("data generate -o FILE [flags]",
                  "Draws a dataset of ten classes of shapes, from large and clean to small, noisy and occluded ones.\n"
                  "The same seed gives the same images on every machine.");
  options.add_output("output,o", target, "FILE", "the dataset file to write");
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
  if (arguments.empty()) throw UsageError("import, fetch, generate or info is missing (see cascadecl data --help)");
  const std::string& action = arguments.front();
  const Arguments rest(arguments.begin() + 1, arguments.end());
  if (action.starts_with("--help") || action == "-h") return print(usage_of_data);
  if (action == "import") return run_data_import(rest);
  if (action == "fetch") return run_data_fetch(rest);
  if (action == "generate") return run_generate(rest);
  if (action == "info") return run_data_info(rest);
  throw UsageError(fmt::format("unknown action '{}': expected import, fetch, generate or info", action));
}

}  // namespace cascadecl
