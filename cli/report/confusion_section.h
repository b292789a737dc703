#pragma once
#include <nlohmann/json_fwd.hpp>
#include <span>
#include <vector>

namespace cascadecl {

// Which classes a cascade took for which: {"classes": [{"images", "precision", "recall"}, ...], "counts": [labels]
// [answers], or null with more classes than a page can show, "largest": [{"label", "answer", "images"}, ...] of wrong
// answers, the most frequent first}. answers and labels [N].
nlohmann::ordered_json confusion_json(std::span<const int> answers, std::span<const std::int32_t> labels,
                                      std::size_t classes);

}  // namespace cascadecl
