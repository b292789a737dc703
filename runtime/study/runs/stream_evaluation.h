#pragma once
#include <cstdint>
#include <functional>
#include <vector>

#include "data/dataset.h"
#include "runtime/cascade/pipeline/stream.h"

namespace cascadecl {

// How images arrive: at a rate that does not depend on how fast they are answered (open loop).
enum class Arrivals { poisson, uniform };

struct StreamEvaluationSettings {
  PipelineSettings pipeline;
  double rate_per_s = 100;
  Arrivals arrivals = Arrivals::poisson;
  std::uint64_t seed = 1;                           // of Poisson arrivals
  std::function<void(std::int64_t done)> progress;  // called now and then with the number of answers; may be empty
};

// Latency counts from the moment an image was to arrive, so it includes waiting for room in a full queue.
struct StreamEvaluation {
  std::int64_t images = 0, answered = 0, out_of_order = 0;
  std::int64_t held_back = 0;  // images that met a full stream and waited for room
  double seconds = 0;          // from the first arrival to the last answer
  double top1 = 0;
  double mmac_per_image = 0;
  std::vector<std::int64_t> stopped;  // [stages]
  std::vector<double> latencies_ms;   // of all answers, ascending
  PipelineStatistics pipeline;

  double images_per_s() const { return static_cast<double>(answered) / seconds; }
  // The latency that this share of all answers stays within (nearest rank); 0 < share <= 1. There is at least one
  // answer.
  double latency_ms(double share) const;
};

// Sends all images of a dataset, in its order, as they arrive. Throws as evaluate() does.
StreamEvaluation evaluate_stream(const Model& model, const std::vector<Device>& devices, const Dataset& dataset,
                                 const StreamEvaluationSettings& settings);

// When images arrive, in seconds from the first on, ascending. n >= 1, rate > 0.
std::vector<double> arrival_times(std::int64_t n, double rate_per_s, Arrivals arrivals, std::uint64_t seed);

}  // namespace cascadecl
