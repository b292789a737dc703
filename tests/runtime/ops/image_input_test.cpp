#include "runtime/ops/image_input.h"

#include <Random123/philox.h>
#include <doctest/doctest.h>

#include <algorithm>
#include <random>
#include <set>

#include "data/files/error.h"
#include "kernels/sources.h"
#include "tests/support/device_test.h"

namespace cascadecl {
namespace {

using namespace testing;

constexpr double tolerance = 4e-6;  // values below 10, two roundings

using Words = r123::Philox4x32::ctr_type;

Words philox(std::uint32_t a, std::uint32_t b, std::uint32_t c, std::uint32_t d, std::uint64_t key) {
  return r123::Philox4x32()({{a, b, c, d}}, {{static_cast<std::uint32_t>(key), static_cast<std::uint32_t>(key >> 32)}});
}

std::vector<std::uint8_t> random_pixels(std::size_t size) {
  std::mt19937 engine(11);
  std::vector<std::uint8_t> pixels(size);
  for (std::uint8_t& pixel : pixels) pixel = static_cast<std::uint8_t>(engine() >> 24);
  return pixels;
}

std::vector<float> ramp(int channels, float from) {
  std::vector<float> values(to_size_t(channels));
  for (std::size_t c = 0; c < values.size(); ++c) values[c] = from + 0.01f * static_cast<float>(c);
  return values;
}

// Where an augmented image comes from.
struct Crop {
  int dy = 0, dx = 0;
  bool mirror = false;
  int top = 0, left = 0, cutout = 0;  // the square that is set to the mean
};

Crop crop_of(int index, ImageShape image, const Augmentation& augmentation) {
  const Words words = philox(static_cast<std::uint32_t>(index), augmentation.epoch, 0, 0x41554721u, augmentation.seed);
  const auto place = [&](std::uint32_t word) {
    return static_cast<int>(static_cast<std::uint64_t>(word) * to_size_t(2 * augmentation.pad + 1) >> 32) -
           augmentation.pad;
  };
  const auto number = static_cast<std::uint32_t>(index);
  bool mirror = augmentation.flip == Flip::random && words[2] >> 31 == 1;
  if (augmentation.flip == Flip::alternate)
    mirror = (philox(number, 0, 2, 0x41554721u, augmentation.seed)[0] >> 31) != augmentation.epoch % 2;
  Crop crop{place(words[0]), place(words[1]), mirror};
  const Words square = philox(number, augmentation.epoch, 1, 0x41554721u, augmentation.seed);
  const auto corner = [&](std::uint32_t word, int pixels) {
    return static_cast<int>(static_cast<std::uint64_t>(word) * to_size_t(pixels) >> 32) - augmentation.cutout / 2;
  };
  crop.top = corner(square[0], image.height);
  crop.left = corner(square[1], image.width);
  crop.cutout = augmentation.cutout;
  return crop;
}

// The plain form of ImageInput, with the crop of each image given.
Values reference_input(const std::vector<std::uint8_t>& pixels, const reference::Shape& shape,
                       const std::vector<Crop>& crops, const std::vector<float>& mean, const std::vector<float>& std) {
  Values out(shape.size());
  for (int n = 0; n < shape.n; ++n)
    for (int c = 0; c < shape.c; ++c)
      for (int y = 0; y < shape.h; ++y)
        for (int x = 0; x < shape.w; ++x) {
          const Crop& crop = crops[to_size_t(n)];
          const int from_y = y + crop.dy, from_x = (crop.mirror ? shape.w - 1 - x : x) + crop.dx;
          const bool inside = from_y >= 0 && from_y < shape.h && from_x >= 0 && from_x < shape.w;
          const double pixel = inside ? pixels[reference::at(shape, n, c, from_y, from_x)] : 0;
          out[reference::at(shape, n, c, y, x)] =
              (pixel / 255 - static_cast<double>(mean[to_size_t(c)])) / static_cast<double>(std[to_size_t(c)]);
          const bool cut = y >= crop.top && y < crop.top + crop.cutout && x >= crop.left && x < crop.left + crop.cutout;
          if (cut) out[reference::at(shape, n, c, y, x)] = 0;
        }
  return out;
}

constexpr ImageShape shapes[] = {{3, 8, 6}, {1, 1, 1}, {20, 3, 5}, {3, 4, 37}, {4, 2, 16}, {6, 2, 19}, {9, 3, 32}};

// One batch of ImageInput::augment: images numbered first, first + 1, ...
Values augmented(ImageShape image, int n, int first, const Augmentation& augmentation,
                 const std::vector<std::uint8_t>& pixels, const Guarded<float>& out) {
  ImageInput input(test_device(), image, ramp(image.channels, 0.4f), ramp(image.channels, 0.2f));
  std::vector<int> indices(to_size_t(n));
  for (int i = 0; i < n; ++i) indices[to_size_t(i)] = first + i;
  input.augment(n, Guarded<std::uint8_t>(pixels), Guarded<int>(indices), augmentation, out);
  return from_blocked(out.read(), shape_of(n, image), test_device().channel_block());
}

}  // namespace

TEST_CASE("philox.h gives the same words as Random123") {
  const Device& device = test_device();
  const std::string source = kernel_sources().find("image_input.cl")->second +
                             "kernel void words(global uint4* out, uint a, uint2 key) {"
                             "  const uint i = get_global_id(0);"
                             "  out[i] = philox4x32_10((uint4)(i, a, ~i, 7u * i), key); }";
  cl::Program program(device.context(), source);
  program.build({device.info().handle}, "-cl-std=CL1.2");
  cl::Kernel kernel(program, "words");
  const Array<std::uint32_t> out = device.allocate<std::uint32_t>(400);
  kernel.setArg(0, out.buffer());
  kernel.setArg(1, cl_uint{0xDEADBEEF});
  kernel.setArg(2, cl_uint2{{0x12345678, 0x9ABCDEF0}});
  device.queue().enqueueNDRangeKernel(kernel, cl::NullRange, cl::NDRange(100));
  const std::vector<std::uint32_t> words = device.read(out);
  for (std::uint32_t i = 0; i < 100; ++i) {
    const Words expected = philox(i, 0xDEADBEEF, ~i, 7 * i, 0x9ABCDEF012345678);
    for (std::size_t j = 0; j < 4; ++j) CHECK(words[4 * i + j] == expected[j]);
  }
}

TEST_CASE("image input normalises and pads the channels with zeros") {
  for (const ImageShape image : shapes) {
    CAPTURE(image.channels);
    const int n = 3, block = test_device().channel_block();
    const reference::Shape shape = shape_of(n, image);
    const std::vector<std::uint8_t> pixels = random_pixels(shape.size());
    const std::vector<float> mean = ramp(image.channels, 0.4f), std = ramp(image.channels, 0.2f);
    const Values expected = reference_input(pixels, shape, std::vector<Crop>(to_size_t(n)), mean, std);
    for (const Precision precision : {Precision::fp32, Precision::fp16}) {
      const GuardedActivation out(to_size_t(n) * image_elements(image, block), precision);
      ImageInput(test_device(), image, mean, std, precision).normalise(n, Guarded<std::uint8_t>(pixels), out);
      CHECK(largest_difference(expected, from_blocked(out.read(), shape, block)) <
            tolerance + storage_tolerance(expected, precision));
    }
  }
}

TEST_CASE("image input gathers images wherever they lie, from any place of the list on") {
  for (const ImageShape image : shapes) {
    CAPTURE(image.channels);
    const int stored = 5, block = test_device().channel_block();
    const std::size_t bytes = shape_of(1, image).size(), row = image_elements(image, block);
    const std::vector<std::uint8_t> pixels = random_pixels(to_size_t(stored) * bytes);
    for (const Precision precision : {Precision::fp32, Precision::fp16}) {
      ImageInput input(test_device(), image, ramp(image.channels, 0.4f), ramp(image.channels, 0.2f), precision);
      const GuardedActivation all(to_size_t(stored) * row, precision);
      input.normalise(stored, Guarded<std::uint8_t>(pixels), all);
      const std::vector<float> expected = all.read();
      const auto check = [&](const std::vector<float>& out, const std::vector<int>& places) {
        for (std::size_t i = 0; i < places.size(); ++i)
          for (std::size_t j = 0; j < row; ++j) CHECK(out[i * row + j] == expected[to_size_t(places[i]) * row + j]);
      };
      const GuardedActivation gathered(3 * row, precision), middle(2 * row, precision);
      input.gather(3, Guarded<std::uint8_t>(pixels), Guarded<int>(std::vector<int>{9, 4, 0, 3}), gathered, 1);
      check(gathered.read(), {4, 0, 3});
      input.normalise(2, Guarded<std::uint8_t>(pixels), middle, 2);
      check(middle.read(), {2, 3});
    }
  }
}

TEST_CASE("augmentation crops, mirrors and cuts out as its random words say") {
  const int n = 40;
  for (const ImageShape image : shapes) {
    CAPTURE(image.channels);
    const reference::Shape shape = shape_of(n, image);
    const std::vector<std::uint8_t> pixels = random_pixels(shape.size());
    const Guarded<float> out(to_size_t(n) * image_elements(image, test_device().channel_block()));
    for (const Augmentation augmentation :
         {Augmentation{4, Flip::random, 0, 0x123456789ABCDEF0, 3}, Augmentation{1, Flip::none, 0, 5, 0},
          Augmentation{0, Flip::random, 0, 5, 1}, Augmentation{0, Flip::none, 0, 5, 1},
          Augmentation{2, Flip::alternate, 0, 5, 2}, Augmentation{2, Flip::alternate, 3, 0x123456789ABCDEF0, 3},
          Augmentation{4, Flip::random, 4, 6, 1}, Augmentation{0, Flip::none, 100, 7, 1}}) {
      std::vector<Crop> crops;
      for (int i = 0; i < n; ++i) crops.push_back(crop_of(1000 + i, image, augmentation));
      const Values expected =
          reference_input(pixels, shape, crops, ramp(image.channels, 0.4f), ramp(image.channels, 0.2f));
      CHECK(largest_difference(expected, augmented(image, n, 1000, augmentation, pixels, out)) < tolerance);
    }
  }
}

TEST_CASE("augmentation of an image does not depend on its batch") {
  const ImageShape image{3, 8, 6};
  const std::vector<std::uint8_t> pixels = random_pixels(shape_of(4, image).size());
  const std::size_t half = pixels.size() / 2, floats = image_elements(image, test_device().channel_block());
  const Guarded<float> all(4 * floats), last(2 * floats);
  const Augmentation augmentation{.seed = 9, .epoch = 2};
  const Values together = augmented(image, 4, 70, augmentation, pixels, all);
  const Values apart =
      augmented(image, 2, 72, augmentation, {pixels.begin() + static_cast<std::ptrdiff_t>(half), pixels.end()}, last);
  CHECK(Values(together.begin() + static_cast<std::ptrdiff_t>(half), together.end()) == apart);
}

TEST_CASE("augmentation takes every place of the crop and both sides") {
  std::set<int> rows, columns, mirrored;
  for (int i = 0; i < 400; ++i) {
    const Crop crop = crop_of(i, {3, 32, 32}, {.pad = 4, .seed = 1, .epoch = 1});
    rows.insert(crop.dy);
    columns.insert(crop.dx);
    mirrored.insert(crop.mirror);
  }
  CHECK(rows == std::set<int>{-4, -3, -2, -1, 0, 1, 2, 3, 4});
  CHECK(columns == rows);
  CHECK(mirrored.size() == 2);
}

TEST_CASE("flip alternate mirrors each image in every other epoch, and half of the images at a time") {
  // Images whose left half is black and right half white, of two pixels.
  const ImageShape image{1, 1, 2};
  const int n = 400;
  std::vector<std::uint8_t> pixels;
  for (int i = 0; i < n; ++i) pixels.insert(pixels.end(), {0, 255});
  const Guarded<float> out(to_size_t(n) * image_elements(image, test_device().channel_block()));
  const auto mirrored = [&](std::uint32_t epoch) {
    const Values values =
        augmented(image, n, 0, {.pad = 0, .flip = Flip::alternate, .seed = 3, .epoch = epoch}, pixels, out);
    std::vector<bool> result;
    for (int i = 0; i < n; ++i) result.push_back(values[to_size_t(2 * i)] > values[to_size_t(2 * i + 1)]);
    return result;
  };
  const std::vector<bool> even = mirrored(0);
  std::vector<bool> odd = mirrored(1);
  CHECK(mirrored(2) == even);
  CHECK(mirrored(7) == odd);
  odd.flip();
  CHECK(odd == even);
  CHECK(std::ranges::count(even, true) > n / 2 - 60);  // six standard deviations
  CHECK(std::ranges::count(even, true) < n / 2 + 60);
}

TEST_CASE("image input refuses statistics that do not fit the images") {
  const std::vector<float> one{0.5f}, three{0.5f, 0.5f, 0.5f}, zero{0.5f, 0, 0.5f};
  CHECK_THROWS_WITH_AS(ImageInput(test_device(), {3, 4, 4}, one, three),
                       "image input: mean has 1 and std 3 values, the images 3 channels", ShapeError);
  CHECK_THROWS_AS(ImageInput(test_device(), {3, 4, 4}, three, zero), ShapeError);
}

}  // namespace cascadecl
