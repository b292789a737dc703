#include "data/import/idx.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>

#include "data/files/archive.h"
#include "data/files/error.h"
#include "data/import/name_list.h"

namespace cascadecl {
namespace {

namespace fs = std::filesystem;

constexpr std::uint32_t largest_side = 4096, most_images = 100'000'000;
constexpr std::size_t images_at_once = 1000;
constexpr std::uint8_t unsigned_bytes = 8;  // the type, in idx

std::uint32_t big_endian(Archive& file) {
  std::uint8_t bytes[4];
  file.read_exactly(bytes);
  return std::uint32_t{bytes[0]} << 24 | std::uint32_t{bytes[1]} << 16 | std::uint32_t{bytes[2]} << 8 | bytes[3];
}

// An idx file of unsigned bytes, open at its numbers.
struct IdxFile {
  Archive file;
  std::vector<std::uint32_t> shape;

  IdxFile(const fs::path& path, std::uint8_t dimensions) : file(path, Archive::Format::gz) {
    std::uint8_t magic[4] = {};
    if (!file.next() || file.read(magic) != 4 || magic[0] != 0 || magic[1] != 0)
      file.fail("no idx file: expected two zero bytes, type and number of dimensions");
    if (magic[2] != unsigned_bytes || magic[3] != dimensions)
      file.fail(fmt::format("idx type {:#04x} of {} dimensions, expected unsigned bytes (0x08) of {}", magic[2],
                            magic[3], dimensions));
    for (std::uint8_t i = 0; i < dimensions; ++i) shape.push_back(big_endian(file));
    if (shape[0] < 1 || shape[0] > most_images)
      file.fail(fmt::format("{} items, expected 1 to {}", shape[0], most_images));
  }
};

ImageDims dims_of(const IdxFile& images) {
  const auto rows = images.shape[1], columns = images.shape[2];
  if (rows < 1 || columns < 1 || rows > largest_side || columns > largest_side)
    images.file.fail(fmt::format("images of {}x{}, expected sides of 1 to {}", rows, columns, largest_side));
  return {1, static_cast<int>(rows), static_cast<int>(columns)};
}

std::vector<std::int32_t> read_labels(const fs::path& path) {
  IdxFile labels(path, 1);
  std::vector<std::int32_t> all;
  std::vector<std::uint8_t> piece(1 << 16);
  for (std::size_t left = labels.shape[0]; left > 0; left -= piece.size()) {  // memory for what is there alone
    piece.resize(std::min(left, piece.size()));
    labels.file.read_exactly(piece);
    all.insert(all.end(), piece.begin(), piece.end());
  }
  labels.file.expect_end();
  return all;
}

void read_images(const fs::path& path, const ArraySplit::Sink& sink) {
  IdxFile images(path, 3);
  const auto bytes = static_cast<std::size_t>(dims_of(images).bytes());
  std::vector<std::uint8_t> piece;
  for (std::size_t left = images.shape[0]; left > 0; left -= piece.size() / bytes) {
    piece.resize(std::min(left, images_at_once) * bytes);
    images.file.read_exactly(piece);
    sink(piece);
  }
  images.file.expect_end();
}

// Whether a file is called "...PART-WHAT-KIND" or "...PART-WHAT.KIND", perhaps with ".gz".
bool is_called(const fs::path& file, std::string_view part, std::string_view what, std::string_view kind) {
  std::string name = file.filename().string();
  if (name.ends_with(".gz")) name.resize(name.size() - 3);
  return name.ends_with(fmt::format("{}-{}-{}", part, what, kind)) ||
         name.ends_with(fmt::format("{}-{}.{}", part, what, kind));
}

// Empty if there is none.
fs::path find_file(const std::vector<fs::path>& files, std::string_view part, std::string_view what,
                   std::string_view kind) {
  fs::path found;
  for (const fs::path& file : files) {
    if (!is_called(file, part, what, kind)) continue;
    if (!found.empty())
      throw FileError(fmt::format("{}: expected one file of {} {}, there is {} too", found.string(), part, what,
                                  file.filename().string()));
    found = file;
  }
  return found;
}

std::vector<fs::path> files_in(const fs::path& folder) {
  std::error_code error;
  std::vector<fs::path> files;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end; entry.increment(error))
    if (!entry->path().filename().string().starts_with('.')) files.push_back(entry->path());
  if (error) throw FileError(fmt::format("{}: no folder that can be read: {}", folder.string(), error.message()));
  std::ranges::sort(files);
  return files;
}

ArraySplit split_of(const std::string& name, const fs::path& images, const fs::path& labels) {
  IdxFile head(images, 3);
  ArraySplit split{.name = name, .layout = {dims_of(head)}, .labels = read_labels(labels), .read = {}};
  if (split.labels.size() != head.shape[0])
    throw FileError(fmt::format("{}: {} images, but {} labels in {}", images.string(), head.shape[0],
                                split.labels.size(), labels.filename().string()));
  split.read = [images](const ArraySplit::Sink& sink) { read_images(images, sink); };
  return split;
}

}  // namespace

void import_idx(const fs::path& folder, const std::vector<std::string>& label_names, std::optional<ImageDims> dims,
                const fs::path& target, const ImportSettings& settings) {
  const std::vector<fs::path> files = files_in(folder);
  ArrayImport arrays{.name = fs::absolute(folder).lexically_normal().filename().string(),
                     .label_names = label_names,
                     .dims = dims,
                     .splits = {}};
  for (const auto& [part, split] : {std::pair{"train", "train"}, {"t10k", "test"}, {"test", "test"}}) {
    const fs::path images = find_file(files, part, "images", "idx3-ubyte"),
                   labels = find_file(files, part, "labels", "idx1-ubyte");
    if (images.empty() && labels.empty()) continue;
    if (images.empty() || labels.empty())
      throw FileError(fmt::format(
          "{}: no {} beside it", (images.empty() ? labels : images).string(),
          images.empty() ? fmt::format("{}-images-idx3-ubyte", part) : fmt::format("{}-labels-idx1-ubyte", part)));
    if (!arrays.splits.empty() && arrays.splits.back().name == split)
      throw FileError(fmt::format("{}: files called t10k and files called test", folder.string()));
    arrays.splits.push_back(split_of(split, images, labels));
  }
  if (arrays.splits.empty() || arrays.splits.front().name != "train")
    throw FileError(fmt::format("{}: no file train-images-idx3-ubyte, as such or with .gz", folder.string()));
  import_arrays(folder, std::move(arrays), target, settings);
}

}  // namespace cascadecl
