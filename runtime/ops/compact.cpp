#include "runtime/ops/compact.h"

#include <fmt/format.h>

#include "data/error.h"
#include "runtime/ops/launch.h"

namespace cascadecl {
namespace {

constexpr int kChunk = 256;  // images that one work-item looks at

std::size_t chunks_of(int n) { return to_size(n + kChunk - 1) / to_size(kChunk); }

// Words of a row that one work-item copies.
std::size_t piece_of(const Device& device) { return coarse_items(device) ? 4096 : to_size(device.channel_block()); }

Kernel gather_kernel(const Device& device, std::size_t row, std::size_t word_bytes) {
  return device.kernel("compact.cl", "gather_rows",
                       {{"CB", device.channel_block()},
                        {"ROW", static_cast<long>(row)},
                        {"WORD_BYTES", static_cast<long>(word_bytes)},
                        {"PIECE", static_cast<long>(piece_of(device))}});
}

}  // namespace

Compact::Compact(const Device& device, int max_n)
    : device_(device),
      max_n_(max_n),
      counts_(device.allocate<int>(chunks_of(max_n))),
      indices_(device.allocate<int>(to_size(max_n))),
      count_(device.allocate<int>(1)),
      count_chunks_(device.kernel("compact.cl", "count_chunks", {{"CHUNK", kChunk}})),
      write_indices_(device.kernel("compact.cl", "write_indices", {{"CHUNK", kChunk}})) {}

int Compact::select(int n, const Array<int>& keep) {
  if (n > max_n_) throw ShapeError(fmt::format("compact: {} images, expected at most {}", n, max_n_));
  if (n == 0) return 0;
  launch(device_, count_chunks_, {chunks_of(n)}, keep, counts_, n);
  launch(device_, write_indices_, {chunks_of(n)}, keep, counts_, indices_, count_, n);
  return device_.read(count_).front();
}

void Compact::gather(int m, const Array<int>& indices, std::size_t row, const Activation& in, const Activation& out) {
  gather_words(m, indices, row, element_bytes(in.precision()), in.buffer(), out.buffer());
}

void Compact::gather(int m, const Array<int>& indices, std::size_t row, const Array<int>& in, const Array<int>& out) {
  gather_words(m, indices, row, sizeof(int), in.buffer(), out.buffer());
}

void Compact::gather_words(int m, const Array<int>& indices, std::size_t row, std::size_t word_bytes,
                           const cl::Buffer& in, const cl::Buffer& out) {
  if (m == 0 || row == 0) return;
  auto found = gathers_.find({row, word_bytes});
  if (found == gathers_.end())
    found = gathers_.emplace(std::pair{row, word_bytes}, gather_kernel(device_, row, word_bytes)).first;
  const std::size_t piece = piece_of(device_);
  launch(device_, found->second, {(row + piece - 1) / piece, to_size(m)}, indices, in, out);
}

}  // namespace cascadecl
