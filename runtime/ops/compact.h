#pragma once
#include <map>
#include <utility>

#include "runtime/ops/activation_array.h"
#include "runtime/ops/piece.h"
#include "runtime/ops/variant.h"

namespace cascadecl {

// Keeps the survivors of a batch in the joint phase of training: select() lists them, gather() copies their rows side
// by side. Deterministic. A cascade that runs copies nothing: see ImageInput::gather().
class Compact {
 public:
  Compact(const Device& device, int max_n);

  // keep [n], nonzero = survivor, n <= max_n. Returns M, the number of survivors. indices()[0...M) then holds their
  // places in the batch, ascending. Waits for the queue and reads back one integer. n = 0 gives 0.
  int select(int n, const Array<int>& keep);
  const Array<int>& indices() const { return indices_; }  // [max_n]

  // out[i] = in[indices[i]] for the first m rows of `row` values each. A row of an image tensor has image_elements()
  // values. `out` must not overlap `in`. The first call for a row length and precision builds its kernel. m = 0 does
  // nothing.
  void gather(int m, const Array<int>& indices, std::size_t row, const ActivationArray& in, const ActivationArray& out);
  void gather(int m, const Array<int>& indices, std::size_t row, const Array<int>& in, const Array<int>& out);

  // How each kernel divides its work: select() by images, gather() by words of a row.
  static PieceProblem select_problem(const Device& device, BatchClass batch);
  static PieceProblem gather_problem(const Device& device, std::size_t row, BatchClass batch);

 private:
  struct Gather {
    Kernel kernel;
    Piece piece;
  };
  Gather make_gather(std::size_t row, std::size_t word_bytes) const;
  void gather_words(int m, const Array<int>& indices, std::size_t row, std::size_t word_bytes, const cl::Buffer& in,
                    const cl::Buffer& out);

  Device device_;
  int max_n_;
  Piece images_;  // of a work-item in select()
  Array<int> counts_, indices_, count_;
  Kernel count_pieces_, write_indices_;
  std::map<std::pair<std::size_t, std::size_t>, Gather> gathers_;  // by row length and bytes of a word
};

}  // namespace cascadecl
