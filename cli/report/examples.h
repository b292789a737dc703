#pragma once
#include <cstddef>
#include <nlohmann/json_fwd.hpp>
#include <span>
#include <vector>

#include "cli/report/model_run.h"

namespace cascadecl {

// Images that left at a stage, as examples (paper, Figure 3): the first `right` ones that were answered right, of as
// many classes as there are, and then the first `wrong` ones. Ascending within both; nobody has picked them by eye.
std::vector<std::size_t> example_images(std::span<const int> exits, std::span<const int> answers,
                                        std::span<const std::int32_t> labels, int exit, std::size_t right,
                                        std::size_t wrong);

// For each exit a list of images: {"png", "label", "answer", "stages": [{"stop_probability", "top": [[class, p], ...],
// "rest"}, ...]} with the stages visited; the largest probabilities and that of the label.
nlohmann::ordered_json examples_json(const ModelRun& run, const Dataset& dataset);

}  // namespace cascadecl
