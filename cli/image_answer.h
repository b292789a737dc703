#pragma once
#include <nlohmann/json_fwd.hpp>
#include <span>
#include <string>
#include <vector>

#include "runtime/cascade/model.h"

namespace cascadecl {

struct RankedLabel {
  std::size_t label = 0;
  float probability = 0;
};

// The most probable classes of an answer, at most `count`; of equals the first comes first.
std::vector<RankedLabel> most_probable(std::span<const float> answer, int count);
// [{"label", "label_name", "probability"}, ...].
nlohmann::ordered_json top_json(const Model& model, const std::vector<RankedLabel>& top);

// What predict tells of one image file.
struct ImageAnswer {
  std::string name;
  std::string problem;           // why there is no answer; empty: there is one
  std::vector<RankedLabel> top;  // at least one
  int exit_stage = 0;
};

// A table of the answers; those that are none are left out. A line for each image, and one for each further class.
std::string answers_text(const Model& model, std::span<const ImageAnswer> answers);
// All of them as CSV, with a header: share/doc/predictions.md.
std::string answers_csv(const Model& model, std::span<const ImageAnswer> answers);

}  // namespace cascadecl
