#include "runtime/ops/compact.h"

#include <fmt/format.h>

#include "data/files/error.h"
#include "runtime/ops/launch.h"

namespace cascadecl {

Compact::Compact(const Device& device, int max_n)
    : device_(device), max_n_(max_n), indices_(device.allocate<int>(to_size(max_n))), count_(device.allocate<int>(1)) {
  const PieceProblem problem = select_problem(device, batch_class(max_n));
  images_ = tuned<Piece>(device, problem.key, problem).parameters;
  Defines defines;
  define(images_, defines);
  count_pieces_ = device.kernel("compact.cl", "count_pieces", defines);
  write_indices_ = device.kernel("compact.cl", "write_indices", defines);
  counts_ = device.allocate<int>(images_.count(to_size(max_n)));
}

PieceProblem Compact::select_problem(const Device& device, BatchClass batch) {
  constexpr int images = 256;
  return {.key = {.kernel = "compact",
                  .operation = "select",
                  .in_channels = 1,
                  .out_channels = 1,
                  .channel_block = device.channel_block(),
                  .batch = batch},
          .length = 1024,
          .coarse = images,
          .fine = images};
}

PieceProblem Compact::gather_problem(const Device& device, std::size_t row, BatchClass batch) {
  const int length = static_cast<int>(row), block = device.channel_block();
  return {.key = {.kernel = "compact",
                  .operation = "gather",
                  .in_channels = length,
                  .out_channels = length,
                  .channel_block = block,
                  .batch = batch},
          .length = length,
          .step = block,
          .coarse = 4096,
          .fine = block};
}

int Compact::select(int n, const Array<int>& keep) {
  if (n > max_n_) throw ShapeError(fmt::format("compact: {} images, expected at most {}", n, max_n_));
  if (n == 0) return 0;
  launch(device_, count_pieces_, {images_.count(to_size(n))}, keep, counts_, n);
  launch(device_, write_indices_, {images_.count(to_size(n))}, keep, counts_, indices_, count_, n);
  return device_.read(count_).front();
}

void Compact::gather(int m, const Array<int>& indices, std::size_t row, const ActivationArray& in,
                     const ActivationArray& out) {
  gather_words(m, indices, row, element_bytes(in.precision()), in.buffer(), out.buffer());
}

void Compact::gather(int m, const Array<int>& indices, std::size_t row, const Array<int>& in, const Array<int>& out) {
  gather_words(m, indices, row, sizeof(int), in.buffer(), out.buffer());
}

Compact::Gather Compact::make_gather(std::size_t row, std::size_t word_bytes) const {
  const PieceProblem problem = gather_problem(device_, row, batch_class(max_n_));
  const Piece words = tuned<Piece>(device_, problem.key, problem).parameters;
  Defines defines{
      {"CB", device_.channel_block()}, {"ROW", static_cast<long>(row)}, {"WORD_BYTES", static_cast<long>(word_bytes)}};
  define(words, defines);
  return {device_.kernel("compact.cl", "gather_rows", defines), words};
}

void Compact::gather_words(int m, const Array<int>& indices, std::size_t row, std::size_t word_bytes,
                           const cl::Buffer& in, const cl::Buffer& out) {
  if (m == 0 || row == 0) return;
  auto found = gathers_.find({row, word_bytes});
  if (found == gathers_.end()) found = gathers_.emplace(std::pair{row, word_bytes}, make_gather(row, word_bytes)).first;
  Gather& gather = found->second;
  launch(device_, gather.kernel, {gather.piece.count(row), to_size(m)}, indices, in, out);
}

}  // namespace cascadecl
