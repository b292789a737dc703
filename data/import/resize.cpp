#include "data/import/resize.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "data/files/error.h"

namespace cascadecl {
namespace {

// A piece of one axis of the source, in pixels.
struct Interval {
  double begin = 0, length = 0;
};

// What one target pixel takes from the source along one axis: weights of the pixels from `first` on; their sum is 1.
struct Taps {
  std::size_t first = 0;
  std::vector<float> weights;
};

// The target pixel covers `area` of the source: each source pixel counts by the part of it that is covered.
Taps average(Interval area, std::size_t size) {
  const double end = std::min(area.begin + area.length, static_cast<double>(size));
  Taps taps{.first = static_cast<std::size_t>(area.begin), .weights = {}};
  for (std::size_t i = taps.first; i < size && static_cast<double>(i) < end; ++i) {
    const double covered = std::min(end, static_cast<double>(i + 1)) - std::max(area.begin, static_cast<double>(i));
    taps.weights.push_back(static_cast<float>(covered / (end - area.begin)));
  }
  return taps;
}

// Between the two pixels whose centres lie around `position`; at the border the outermost pixel alone.
Taps interpolate(double position, std::size_t size) {
  const double centre = std::clamp(position - 0.5, 0.0, static_cast<double>(size - 1));
  const auto first = static_cast<std::size_t>(centre);
  const auto share = static_cast<float>(centre - static_cast<double>(first));
  if (first + 1 == size) return {first, {1}};
  return {first, {1 - share, share}};
}

std::vector<Taps> taps_of(Interval source, int size, int target) {
  const double step = source.length / target;
  std::vector<Taps> taps;
  for (int i = 0; i < target; ++i) {
    const double begin = source.begin + i * step;
    taps.push_back(step > 1 ? average({begin, step}, static_cast<std::size_t>(size))
                            : interpolate(begin + step / 2, static_cast<std::size_t>(size)));
  }
  return taps;
}

// The middle of an axis of `size` pixels, as long as the other axis allows with these proportions.
Interval middle(int size, int other_size, int target, int other_target) {
  const double length = std::min<double>(size, static_cast<double>(other_size) * target / other_target);
  return {(size - length) / 2, length};
}

// One channel: [height][width] of the source to [rows][columns]. `lines` is [height][columns], for use within.
void resize_plane(const std::uint8_t* source, int width, const std::vector<Taps>& rows,
                  const std::vector<Taps>& columns, std::vector<float>& lines, std::uint8_t* target) {
  const std::size_t begin = rows.front().first, end = rows.back().first + rows.back().weights.size();
  for (std::size_t y = begin; y < end; ++y) {
    const std::uint8_t* line = source + y * static_cast<std::size_t>(width);
    for (std::size_t x = 0; x < columns.size(); ++x) {
      float sum = 0;
      for (std::size_t i = 0; i < columns[x].weights.size(); ++i)
        sum += columns[x].weights[i] * static_cast<float>(line[columns[x].first + i]);
      lines[y * columns.size() + x] = sum;
    }
  }
  for (const Taps& row : rows) {
    for (std::size_t x = 0; x < columns.size(); ++x) {
      float sum = 0;
      for (std::size_t i = 0; i < row.weights.size(); ++i)
        sum += row.weights[i] * lines[(row.first + i) * columns.size() + x];
      *target++ = static_cast<std::uint8_t>(std::clamp(std::lround(sum), 0L, 255L));
    }
  }
}

}  // namespace

Image resize_image(const Image& image, int height, int width) {
  const ImageDims& dims = image.dims;
  if (height < 1 || width < 1 || dims.height < 1 || dims.width < 1)
    throw ShapeError(
        fmt::format("resize: {}x{} to {}x{} pixels: no side may be 0", dims.height, dims.width, height, width));
  if (dims.height == height && dims.width == width) return image;
  const std::vector<Taps> rows = taps_of(middle(dims.height, dims.width, height, width), dims.height, height);
  const std::vector<Taps> columns = taps_of(middle(dims.width, dims.height, width, height), dims.width, width);
  Image resized{{dims.channels, height, width}, {}};
  resized.pixels.resize(static_cast<std::size_t>(resized.dims.bytes()));
  std::vector<float> lines(static_cast<std::size_t>(dims.height) * columns.size());
  for (std::size_t c = 0; c < static_cast<std::size_t>(dims.channels); ++c) {
    const std::size_t source_plane = image.pixels.size() / static_cast<std::size_t>(dims.channels);
    const std::size_t target_plane = resized.pixels.size() / static_cast<std::size_t>(dims.channels);
    resize_plane(image.pixels.data() + c * source_plane, dims.width, rows, columns, lines,
                 resized.pixels.data() + c * target_plane);
  }
  return resized;
}

}  // namespace cascadecl
