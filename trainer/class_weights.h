#pragma once
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

namespace cascadecl {

// How much the images of each class count in pretraining, for data in which some classes are rare. balanced: every
// class as much as any other, whatever its images are.
struct ClassWeights {
  enum class Kind { none, balanced, given };
  Kind kind = Kind::none;
  std::vector<double> given = {};  // [classes], each above 0; only their proportions matter
};

// The weight of each class [classes], for training on the images `fit`, whose mean weight is 1. Empty for none.
// balanced: images / (classes * images of the class), where classes without an image do not count and get 1.
// Throws UsageError if given weights are not one for each class, each above 0 and at most 1e6.
std::vector<float> class_weights(const ClassWeights& weights, std::span<const std::int32_t> labels,
                                 std::span<const std::int64_t> fit, int classes);

// Weights from a text file with lines "NAME WEIGHT", in any order, for the classes of these names. Names may hold
// spaces; empty lines do not count. Classes that the file does not name get 1. Throws FileError naming file and line.
ClassWeights read_class_weights(const std::filesystem::path& file, std::span<const std::string> names);

}  // namespace cascadecl
