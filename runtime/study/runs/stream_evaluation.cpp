#include "runtime/study/runs/stream_evaluation.h"

#include <algorithm>
#include <cmath>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <stop_token>
#include <thread>

#include "data/files/random.h"
#include "data/loader.h"
#include "runtime/cascade/chosen_cascade.h"
#include "runtime/study/answers/dataset_of_model.h"

namespace cascadecl {
namespace {

using Clock = CascadeStream::Clock;

std::chrono::nanoseconds nanoseconds(double seconds) {
  return std::chrono::nanoseconds(static_cast<std::int64_t>(seconds * 1e9));
}

// Sleeps until a moment, or until it is told to stop: returns whether it was not.
bool sleep_until(Clock::time_point moment, const std::stop_token& stopping) {
  std::mutex mutex;
  std::condition_variable_any stopped;
  std::unique_lock lock(mutex);
  stopped.wait_until(lock, stopping, moment, [] { return false; });
  return !stopping.stop_requested();
}

// Pushes the images at their times. Returns how many met a full stream.
std::int64_t send(CascadeStream& stream, const Dataset& dataset, const std::vector<double>& times,
                  Clock::time_point start, const std::stop_token& stopping) {
  const auto bytes = static_cast<std::size_t>(dataset.header().dims.bytes());
  BatchLoader loader(dataset, all_indices(dataset.size()), {.batch_size = 256, .shuffle = false});
  loader.start_epoch(0);
  std::int64_t held_back = 0;
  while (const auto batch = loader.next()) {
    for (std::size_t i = 0; i < batch->labels.size(); ++i) {
      const Clock::time_point due = start + nanoseconds(times[static_cast<std::size_t>(batch->indices[i])]);
      if (!sleep_until(due, stopping)) return held_back;
      held_back += stream.push(std::span(batch->images).subspan(i * bytes, bytes), batch->labels[i], due);
    }
  }
  return held_back;
}

}  // namespace

std::vector<double> arrival_times(std::int64_t n, double rate_per_s, Arrivals arrivals, std::uint64_t seed) {
  std::vector<double> times(static_cast<std::size_t>(n));
  RandomStream random(seed, RandomPurpose::arrivals, 0);
  for (std::size_t i = 1; i < times.size(); ++i) {
    const double gap = arrivals == Arrivals::uniform ? 1 : -std::log1p(-static_cast<double>(random.word()) / 0x1p32);
    times[i] = times[i - 1] + gap / rate_per_s;
  }
  return times;
}

double StreamEvaluation::latency_ms(double share) const {
  const auto rank = static_cast<std::size_t>(std::ceil(share * static_cast<double>(latencies_ms.size())));
  return latencies_ms.at(std::max<std::size_t>(rank, 1) - 1);
}

StreamEvaluation evaluate_stream(const Model& whole, const std::vector<Device>& devices, const Dataset& dataset,
                                 const StreamEvaluationSettings& asked) {
  check_dataset(whole, dataset.header());
  Model model = whole;
  StreamEvaluationSettings settings = asked;
  obey_decision(model, settings.pipeline.executor);
  CascadeStream stream(model, devices, settings.pipeline);
  stream.warm_up();
  StreamEvaluation evaluation{.images = dataset.size(), .stopped = std::vector<std::int64_t>(model.stages.size())};
  const std::vector<double> times =
      arrival_times(dataset.size(), settings.rate_per_s, settings.arrivals, settings.seed);
  const Clock::time_point start = Clock::now();
  std::exception_ptr error;
  std::jthread sender([&](const std::stop_token& stopping) {
    try {
      evaluation.held_back = send(stream, dataset, times, start, stopping);
    } catch (...) {
      error = std::current_exception();
    }
    stream.close();
  });
  std::exception_ptr failure;
  std::int64_t correct = 0;
  try {
    while (const auto answer = stream.pop()) {
      evaluation.out_of_order += answer->number != static_cast<std::uint64_t>(evaluation.answered);
      correct += answer->label() == dataset.labels()[answer->number];
      ++evaluation.stopped[static_cast<std::size_t>(answer->exit_stage)];
      evaluation.mmac_per_image += model.macs_through(answer->exit_stage) / 1e6;
      evaluation.latencies_ms.push_back(answer->latency_ms);
      if (settings.progress) settings.progress(evaluation.answered);
      ++evaluation.answered;
    }
  } catch (...) {
    failure = std::current_exception();
    sender.request_stop();
  }
  evaluation.seconds = std::chrono::duration<double>(Clock::now() - start).count();
  sender.join();
  if (failure) std::rethrow_exception(failure);
  if (error) std::rethrow_exception(error);
  const auto n = static_cast<double>(evaluation.answered);
  evaluation.top1 = static_cast<double>(correct) / n;
  evaluation.mmac_per_image /= n;
  std::ranges::sort(evaluation.latencies_ms);
  evaluation.pipeline = stream.statistics();
  return evaluation;
}

}  // namespace cascadecl
