#include "runtime/ops/piece.h"

#include "runtime/ops/faults.h"

namespace cascadecl {
namespace {

constexpr int longest = 1 << 20;

// The least multiple of the step that covers a row.
int whole_row(const PieceProblem& problem) { return (problem.length + problem.step - 1) / problem.step * problem.step; }

}  // namespace

Piece Piece::choose(const PieceProblem& problem, const TuningTarget& target) {
  return {target.coarse_items ? problem.coarse : problem.fine};
}

std::vector<std::vector<int>> Piece::ranges(const PieceProblem& problem, const TuningTarget&) {
  const int most = std::min(whole_row(problem), longest / problem.step * problem.step);
  std::vector<int> pieces;
  for (int piece = problem.step; piece < most; piece *= 4) pieces.push_back(piece);
  pieces.push_back(most);
  return {pieces};
}

std::string Piece::fault(const PieceProblem& problem, const TuningTarget&) const {
  const int most = std::max(longest, problem.coarse);
  return first_of({out_of_range("PIECE", piece, problem.step, most), no_multiple("PIECE", piece, problem.step)});
}

}  // namespace cascadecl
