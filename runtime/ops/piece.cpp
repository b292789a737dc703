#include "runtime/ops/piece.h"

#include "runtime/ops/faults.h"

namespace cascadecl {
namespace {

constexpr int longest = 1 << 20;

// The least multiple of the step that covers a row.
int whole_row(const PieceWork& work) { return (work.length + work.step - 1) / work.step * work.step; }

}  // namespace

Piece Piece::choose(const PieceWork& work, const TuningTarget& target) {
  return {target.coarse_items ? work.coarse : work.fine};
}

std::vector<std::vector<int>> Piece::ranges(const PieceWork& work, const TuningTarget&) {
  const int most = std::min(whole_row(work), longest / work.step * work.step);
  std::vector<int> pieces;
  for (int piece = work.step; piece < most; piece *= 4) pieces.push_back(piece);
  pieces.push_back(most);
  return {pieces};
}

std::string Piece::fault(const PieceWork& work, const TuningTarget&) const {
  const int most = std::max(longest, work.coarse);
  return first_of({out_of_range("PIECE", piece, work.step, most), no_multiple("PIECE", piece, work.step)});
}

}  // namespace cascadecl
