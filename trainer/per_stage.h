#pragma once
#include <cstddef>
#include <utility>
#include <vector>

namespace cascadecl {

// A setting with one value for all stages, or with one for each.
template <class Value>
struct PerStage {
  PerStage(Value of_all) : values{std::move(of_all)} {}
  PerStage(std::vector<Value> of_each) : values(std::move(of_each)) {}

  Value at(int stage) const { return values.size() == 1 ? values.front() : values.at(static_cast<std::size_t>(stage)); }
  bool fits(std::size_t stages) const { return values.size() == 1 || values.size() == stages; }

  std::vector<Value> values;  // one, or as many as stages
};

}  // namespace cascadecl
