#include "tests/fuzz/targets.h"

#include <algorithm>
#include <array>
#include <stdexcept>
#include <string>
#include <vector>

#include "cli/options.h"
#include "data/dataset_file.h"
#include "data/files/archive.h"
#include "data/files/error.h"
#include "data/import/csv.h"
#include "data/import/idx.h"
#include "data/import/image_file.h"
#include "data/import/imagenet_batch.h"
#include "data/import/npz.h"
#include "data/import/pickle.h"
#include "data/loader.h"
#include "runtime/cascade/model_file.h"
#include "runtime/network/description.h"
#include "runtime/network/stages.h"
#include "runtime/opencl/program_cache.h"
#include "runtime/study/answers/table_file.h"
#include "runtime/study/runs/profile_file.h"
#include "runtime/study/tradeoff/sweep_file.h"
#include "runtime/tuning/tuning_table.h"
#include "tests/fuzz/input_file.h"
#include "trainer/checkpoint.h"
#include "trainer/class_weights.h"

namespace cascadecl::fuzz {
namespace {

using Bytes = std::span<const std::uint8_t>;

std::string text_of(Bytes bytes) { return {reinterpret_cast<const char*>(bytes.data()), bytes.size()}; }

void read_dataset(Bytes bytes) {
  const auto file = as_file(bytes, ".h5");
  describe_dataset(file);
  const auto dataset = open_dataset(file, "train");
  const std::int64_t count = std::min<std::int64_t>(dataset->size(), 4);
  std::vector<std::uint8_t> pixels(static_cast<std::size_t>(count * dataset->header().dims.bytes()));
  dataset->read(all_indices(count), pixels.data());
}

std::filesystem::path output() { return as_file({}).parent_path() / "output.h5"; }

// Images and labels are one input, as both begin alike.
void read_idx(Bytes bytes) {
  const auto folder = as_file(bytes).parent_path() / "idx";
  std::filesystem::create_directories(folder);
  for (const char* name : {"train-images-idx3-ubyte", "train-labels-idx1-ubyte"})
    std::filesystem::copy_file(as_file(bytes), folder / name, std::filesystem::copy_options::overwrite_existing);
  import_idx(folder, {}, std::nullopt, output(), {});
}

void read_all(const std::filesystem::path& file, Archive::Format format) {
  Archive archive(file, format);
  std::vector<std::uint8_t> some(4096);
  while (archive.next())
    for (int i = 0; i < 64 && archive.read(some) == some.size(); ++i) {
    }
}

void read_archive(Bytes bytes) {
  const auto file = as_file(bytes);
  try {
    read_all(file, Archive::Format::tar_gz);
  } catch (const Error&) {
    read_all(file, Archive::Format::zip);
  }
}

void read_config(Bytes bytes) {
  std::string text;
  int number = 0;
  bool on = false;
  std::vector<double> list;
  Options options("fuzz", "");
  options.add_text("text", text, "TEXT", "");
  options.add_number("number", number, -10, 10, "");
  options.add_numbers("list", list, 0, 1, "");
  options.add_switch("switch", on, "");
  options.parse({"--config", as_file(bytes, ".cfg").string()});
}

void read_imagenet(Bytes bytes) {
  const auto file = as_file(bytes, bytes.size() > 1 && bytes[0] == 'P' ? ".npz" : "");
  const auto labels = read_imagenet_labels(file);
  read_imagenet_images(file, static_cast<std::int64_t>(labels.size()), [](Bytes) {});
}

// The key is the first line of the input, and the entry is what is left.
void read_program(Bytes bytes) {
  const auto folder = as_file(bytes).parent_path() / "programs";
  const ProgramCache cache(folder);
  const std::string key = "key";
  cache.store(key, {1, 2, 3});
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder))
    if (entry.is_regular_file())
      std::filesystem::copy_file(as_file(bytes), entry.path(), std::filesystem::copy_options::overwrite_existing);
  cache.load(key, {});
}

void read_network(Bytes bytes) {
  const Network network = Network::from_json(text_of(bytes));
  network.to_json();
  if (network.macs() < 0) throw std::logic_error("negative multiply-adds");
}

void read_weights(Bytes bytes) {
  const std::vector<std::string> names = {"cat", "dog", "a name"};
  read_class_weights(as_file(bytes), names);
}

constexpr std::array<Target, 18> all = {{
    {"archive", read_archive},
    {"checkpoint", [](Bytes bytes) { read_checkpoint(as_file(bytes, ".h5")); }},
    {"config", read_config},
    {"csv", [](Bytes bytes) { import_csv(as_file(bytes, ".csv"), output()); }},
    {"dataset", read_dataset},
    {"idx", read_idx},
    {"image", [](Bytes bytes) { decode_image(bytes, "input", 3); }},
    {"imagenet", read_imagenet},
    {"model", [](Bytes bytes) { read_model(as_file(bytes, ".h5")); }},
    {"network", read_network},
    {"npz", [](Bytes bytes) { import_npz(as_file(bytes, ".npz"), {}, std::nullopt, output(), {}); }},
    {"pickle", [](Bytes bytes) { Pickle pickle(as_file(bytes)); }},
    {"profile", [](Bytes bytes) { parse_profile(text_of(bytes), "input"); }},
    {"program", read_program},
    {"sweep", [](Bytes bytes) { parse_begun_sweep(text_of(bytes), "input"); }},
    {"tables", [](Bytes bytes) { read_tables(as_file(bytes, ".h5"), "key", 1); }},
    {"tuning", [](Bytes bytes) { parse_tuning_file(text_of(bytes), "input", {}); }},
    {"weights", read_weights},
}};

}  // namespace

std::span<const Target> targets() { return all; }

void run(std::string_view name, Bytes bytes) {
  const auto target = std::ranges::find(all, name, &Target::name);
  if (target == all.end()) throw std::invalid_argument("no target " + std::string(name));
  try {
    target->read(bytes);
  } catch (const Error&) {
  }
}

}  // namespace cascadecl::fuzz
