#include "data/import/array_import.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>
#include <utility>

#include "data/files/error.h"
#include "data/import/resize.h"

namespace cascadecl {
namespace {

namespace fs = std::filesystem;

constexpr std::int32_t most_labels = 1 << 16;  // that are named by their number

[[noreturn]] void fail(const fs::path& source, const std::string& problem) {
  throw FileError(fmt::format("{}: {}", source.string(), problem));
}

Image planes_of(std::span<const std::uint8_t> raw, const ArrayLayout& layout) {
  const ImageDims dims = layout.dims;
  Image image{dims, std::vector<std::uint8_t>(raw.begin(), raw.end())};
  if (!layout.channels_last || dims.channels == 1) return image;
  const auto channels = static_cast<std::size_t>(dims.channels), pixels = raw.size() / channels;
  for (std::size_t p = 0; p < pixels; ++p)
    for (std::size_t c = 0; c < channels; ++c) image.pixels[c * pixels + p] = raw[p * channels + c];
  return image;
}

std::vector<std::uint8_t> fitted(std::span<const std::uint8_t> raw, const ArrayLayout& layout, ImageDims dims) {
  Image image = resize_image(planes_of(raw, layout), dims.height, dims.width);
  if (image.dims.channels == dims.channels) return std::move(image.pixels);
  std::vector<std::uint8_t> pixels;
  for (int c = 0; c < dims.channels; ++c) pixels.insert(pixels.end(), image.pixels.begin(), image.pixels.end());
  return pixels;
}

std::vector<std::string> numbers_to(std::int32_t last) {
  std::vector<std::string> names;
  for (std::int32_t k = 0; k <= last; ++k) names.push_back(std::to_string(k));
  return names;
}

void check_labels(const fs::path& source, const ArrayImport& arrays) {
  for (const ArraySplit& split : arrays.splits)
    for (std::size_t i = 0; i < split.labels.size(); ++i)
      if (const std::int32_t label = split.labels[i];
          label < 0 || label >= static_cast<std::int32_t>(arrays.label_names.size()))
        fail(source, fmt::format("split {}: label of image {} is {}, expected 0 to {}", split.name, i, label,
                                 arrays.label_names.size() - 1));
}

ImageDims common_dims(const fs::path& source, const ArrayImport& arrays) {
  const ImageDims first = arrays.splits.front().layout.dims;
  for (const ArraySplit& split : arrays.splits) {
    const ImageDims dims = split.layout.dims;
    const ImageDims wanted = arrays.dims.value_or(first);
    if (!arrays.dims && dims != first)
      fail(source, fmt::format("the images of {} are {}x{}x{}, those of {} {}x{}x{} (channels, rows, columns)",
                               arrays.splits.front().name, first.channels, first.height, first.width, split.name,
                               dims.channels, dims.height, dims.width));
    if (wanted.channels != dims.channels && !(dims.channels == 1 && wanted.channels == 3))
      throw UsageError(fmt::format("image size {}x{}x{}: the images of {} have {} channels", wanted.channels,
                                   wanted.height, wanted.width, source.string(), dims.channels));
  }
  return arrays.dims.value_or(first);
}

// Of a split, the images of one part, in order; `part` is ascending.
void append_part(DatasetWriter& writer, const ArraySplit& split, const std::string& name, ImageDims dims,
                 const std::vector<std::int64_t>& part) {
  writer.begin_split(name, static_cast<std::int64_t>(part.size()));
  std::int64_t image = 0;
  auto next = part.begin();
  const auto bytes = static_cast<std::size_t>(split.layout.dims.bytes());
  split.read([&](std::span<const std::uint8_t> images) {
    for (; !images.empty(); images = images.subspan(bytes), ++image) {
      if (next == part.end() || *next != image) continue;
      ++next;
      writer.append(fitted(images.first(bytes), split.layout, dims),
                    std::span(&split.labels[static_cast<std::size_t>(image)], 1));
    }
  });
}

std::vector<std::int64_t> all_images(const ArraySplit& split) {
  std::vector<std::int64_t> images(split.labels.size());
  std::iota(images.begin(), images.end(), 0);
  return images;
}

}  // namespace

TestSplit split_test(const fs::path& source, std::span<const std::int32_t> labels, const ImportSettings& settings) {
  ValidationSplit parts = split_validation(labels, settings.test_share, settings.seed);
  if (parts.rest.empty() || parts.held_out.empty())
    fail(source, fmt::format("{} images cannot be divided into train and test by a share of {}", labels.size(),
                             settings.test_share));
  return {std::move(parts.rest), std::move(parts.held_out)};
}

void check_test_share(const fs::path& source, const std::vector<std::string>& splits) {
  if (std::ranges::find(splits, "test") != splits.end())
    fail(source, "has a split test already, so none can be made of the images to train on");
  if (std::ranges::find(splits, "train") == splits.end()) fail(source, "has no split train to make a test split of");
}

void import_arrays(const fs::path& source, ArrayImport arrays, const fs::path& target, const ImportSettings& settings) {
  std::vector<std::string> names;
  std::int32_t last = 1;
  for (const ArraySplit& split : arrays.splits) {
    if (split.labels.empty()) fail(source, fmt::format("split {} holds no images", split.name));
    names.push_back(split.name);
    last = std::max(last, *std::ranges::max_element(split.labels));
  }
  if (arrays.label_names.empty()) arrays.label_names = numbers_to(std::min(last, most_labels - 1));
  check_labels(source, arrays);
  const ImageDims dims = common_dims(source, arrays);
  if (settings.test_share > 0) check_test_share(source, names);
  DatasetWriter writer(target,
                       {.name = arrays.name,
                        .dims = dims,
                        .label_names = arrays.label_names,
                        .color_order = dims.channels == 3   ? "RGB"
                                       : dims.channels == 1 ? "gray"
                                                            : "none"},
                       settings.storage);
  for (const ArraySplit& split : arrays.splits) {
    if (settings.test_share > 0 && split.name == "train") {
      const TestSplit parts = split_test(source, split.labels, settings);
      append_part(writer, split, "train", dims, parts.train);
      append_part(writer, split, "test", dims, parts.test);
    } else {
      append_part(writer, split, split.name, dims, all_images(split));
    }
  }
  writer.commit();
}

}  // namespace cascadecl
