#pragma once
#include <cstdint>

#include "cli/cascade_flags.h"
#include "data/dataset.h"
#include "runtime/cascade/model.h"

namespace cascadecl {

// eval --stream and its flags: --rate, --arrivals, --arrivals-seed, --max-delay-ms, --queue.
class StreamFlags {
 public:
  void add_to(Options& options);
  bool wanted() const { return wanted_; }
  void check(const Options& options) const;  // throws UsageError for its other flags without --stream
  PipelineSettings pipeline(const ExecutorSettings& settings) const;
  // Sends the images through the cascade as they arrive, and prints what came of it.
  void run(const Model& model, const std::vector<Device>& devices, const Dataset& dataset,
           const ExecutorSettings& settings, const Options& options) const;

 private:
  bool wanted_ = false;
  double rate_ = 100, max_delay_ms_ = 10;
  bool uniform_ = false;
  std::uint64_t seed_ = 1;
  int queue_ = 1024;
};

}  // namespace cascadecl
