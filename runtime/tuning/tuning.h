#pragma once
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "runtime/tuning/tuning_table.h"

namespace cascadecl {

// Everything that a device's kernels can look up: the user's results first, then the shipped defaults of the device's
// class. For a key that is in neither, the kernel's own rule decides.
class Tuning {
 public:
  struct Layer {
    TuningSource source;
    TuningTable table;
  };
  Tuning() = default;
  explicit Tuning(std::vector<Layer> layers) : layers_(std::move(layers)) {}

  struct Found {
    TuningValues values;
    TuningSource source;
  };
  // The first layer's entry for the key.
  std::optional<Found> find(const TuningKey& key);
  // All keys that were looked up.
  const std::set<TuningKey>& asked() const { return asked_; }
  // Forgets an entry that its kernel does not accept, so that the next layer is asked.
  void drop(const TuningKey& key, TuningSource source);

 private:
  std::vector<Layer> layers_;
  std::set<TuningKey> asked_;
};

// The defaults that come with the library for a class of devices: "cpu-16" for CPUs with blocks of 16 channels. Empty
// for a class that has none.
TuningTable shipped_tuning(const std::string& device_class);

}  // namespace cascadecl
