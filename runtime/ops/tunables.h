#pragma once
#include <algorithm>
#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/opencl/device.h"
#include "runtime/ops/tuning_target.h"
#include "runtime/tuning/tuning.h"

// The tunables of kernels. A parameter struct P holds those of one kernel as ints. For a `Geometry` of its operation
// and a device it offers:
//   static auto tunables()                            an array of Tunable<P>: members, and their names as defines
//   static P choose(const Geometry&, const TuningTarget&)
//                                                     the rule for untuned devices; valid wherever the kernel runs
//   static std::vector<std::vector<int>> ranges(const Geometry&, const TuningTarget&)
//                                                     for each tunable the values worth trying
//   std::string fault(const Geometry&, const TuningTarget&) const
//                                                     why these values cannot run, empty if they can
namespace cascadecl {

template <class P>
struct Tunable {
  std::string_view name;
  int P::*member;
};

template <class P>
TuningValues values_of(const P& parameters) {
  TuningValues values;
  for (const Tunable<P>& tunable : P::tunables()) {
    values.emplace_back(tunable.name, parameters.*tunable.member);
  }
  return values;
}

// The parameters with these values. Nothing unless each tunable is named once, and nothing else is named.
template <class P>
std::optional<P> from_values(const TuningValues& values) {
  P parameters;
  if (values.size() != P::tunables().size()) return std::nullopt;
  for (const Tunable<P>& tunable : P::tunables()) {
    const auto found = std::ranges::find(values, tunable.name, &TuningValues::value_type::first);
    if (found == values.end()) return std::nullopt;
    parameters.*tunable.member = found->second;
  }
  return parameters;
}

template <class P>
void define(const P& parameters, Defines& defines) {
  for (const Tunable<P>& tunable : P::tunables()) defines.set(tunable.name, parameters.*tunable.member);
}

// All valid combinations of the ranges: first the one that the rule chooses, then the others, those that differ from it
// least first.
template <class P, class Geometry>
std::vector<P> candidates(const Geometry& geometry, const TuningTarget& target) {
  const P chosen = P::choose(geometry, target);
  std::vector<P> all = {chosen};
  std::size_t i = 0;
  const std::vector<std::vector<int>> ranges = P::ranges(geometry, target);
  for (const Tunable<P>& tunable : P::tunables()) {
    const std::size_t count = all.size();
    for (const int value : ranges.at(i++)) {
      if (value == chosen.*tunable.member) continue;
      for (std::size_t k = 0; k < count; ++k) {
        P other = all[k];
        other.*tunable.member = value;
        all.push_back(other);
      }
    }
  }
  std::erase_if(all, [&](const P& p) { return !p.fault(geometry, target).empty(); });
  std::ranges::stable_sort(all, {}, [&](const P& p) {
    return std::ranges::count_if(P::tunables(), [&](const Tunable<P>& t) { return p.*t.member != chosen.*t.member; });
  });
  return all;
}

template <class P>
struct Tuned {
  P parameters;
  TuningSource source = TuningSource::heuristic;
};

// The parameters that a kernel runs with: the first valid ones of the device's tuning, else those of the rule. Values
// that are not valid are dropped from the tuning with a warning.
template <class P, class Geometry>
Tuned<P> tuned(const Device& device, const TuningKey& key, const Geometry& geometry) {
  const TuningTarget target = TuningTarget::of(device.info());
  while (const auto found = device.tuning().find(key)) {
    const std::optional<P> parameters = from_values<P>(found->values);
    const std::string fault = parameters ? parameters->fault(geometry, target) : "not its tunables";
    if (fault.empty()) return {*parameters, found->source};
    device.warn("tuning (" + std::string(to_string(found->source)) + ") of " + to_string(key) + ": " +
                to_string(found->values) + " is not used: " + fault);
    device.tuning().drop(key, found->source);
  }
  return {P::choose(geometry, target), TuningSource::heuristic};
}

// What a launch looks the tunables P of its kernel up by.
template <class P, class Geometry>
struct Lookup {
  TuningKey key;
  Geometry geometry;
};

// What the tuner may try there: all candidates, what runs on the device as it is first.
template <class P, class Geometry>
std::vector<TuningValues> values_to_try(const Device& device, const Lookup<P, Geometry>& lookup) {
  std::vector<TuningValues> all;
  for (const P& p : candidates<P>(lookup.geometry, TuningTarget::of(device.info()))) all.push_back(values_of(p));
  const TuningValues standard = values_of(tuned<P>(device, lookup.key, lookup.geometry).parameters);
  std::erase(all, standard);
  all.insert(all.begin(), standard);
  return all;
}

}  // namespace cascadecl
