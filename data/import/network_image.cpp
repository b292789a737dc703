#include "data/import/network_image.h"

#include <algorithm>
#include <atomic>
#include <exception>
#include <thread>

#include "data/files/error.h"
#include "data/import/resize.h"

namespace cascadecl {
namespace {

NetworkImage read_or_explain(const std::filesystem::path& file, ImageDims dims) {
  try {
    return {read_network_image(file, dims).pixels, ""};
  } catch (const FileError& error) {
    return {{}, error.what()};
  }
}

}  // namespace

Image read_network_image(const std::filesystem::path& path, ImageDims dims) {
  return resize_image(read_image_file(path, dims.channels), dims.height, dims.width);
}

Image decode_network_image(std::span<const std::uint8_t> bytes, const std::string& name, ImageDims dims) {
  return resize_image(decode_image(bytes, name, dims.channels), dims.height, dims.width);
}

std::vector<NetworkImage> read_network_images(std::span<const std::filesystem::path> files, ImageDims dims,
                                              int threads) {
  const std::size_t cores = std::max(1U, std::thread::hardware_concurrency());
  const std::size_t most = threads > 0 ? static_cast<std::size_t>(threads) : cores;
  std::vector<NetworkImage> images(files.size());
  std::vector<std::exception_ptr> failures(std::min(most, files.size()));
  std::atomic<std::size_t> next{0};
  {
    std::vector<std::jthread> workers;
    for (std::exception_ptr& failure : failures)
      workers.emplace_back([&] {
        try {
          for (std::size_t i = next++; i < files.size(); i = next++) images[i] = read_or_explain(files[i], dims);
        } catch (...) {
          failure = std::current_exception();
        }
      });
  }
  for (const std::exception_ptr& failure : failures)
    if (failure) std::rethrow_exception(failure);
  return images;
}

}  // namespace cascadecl
