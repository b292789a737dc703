#pragma once
#include <array>
#include <string>
#include <vector>

#include "runtime/ops/tunables.h"

namespace cascadecl {

// A plain kernel that divides rows of values into pieces, one for each work-item: the facts about such a row.
struct PieceProblem {
  TuningKey key;   // the kernel, its operation and shape
  int length = 1;  // of a row, in the unit of PIECE: vectors, values, outputs, images
  int step = 1;    // a piece is a multiple of it
  int coarse = 1;  // the rule where work-items get large pieces,
  int fine = 1;    // and elsewhere
};

// The tunable of all such kernels.
struct Piece {
  int piece = 1;
  static std::array<Tunable<Piece>, 1> tunables() { return {{{"PIECE", &Piece::piece}}}; }
  static Piece choose(const PieceProblem& problem, const TuningTarget& target);
  static std::vector<std::vector<int>> ranges(const PieceProblem& problem, const TuningTarget& target);
  std::string fault(const PieceProblem& problem, const TuningTarget& target) const;
  // The number of pieces of a row of `values`.
  std::size_t count(std::size_t values) const {
    const auto size = static_cast<std::size_t>(piece);
    return (values + size - 1) / size;
  }
};

}  // namespace cascadecl
