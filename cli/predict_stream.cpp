#include "cli/predict_stream.h"

#include <unistd.h>

#include <exception>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>

#include "cli/line_reader.h"
#include "cli/name_queue.h"
#include "cli/open_device.h"
#include "cli/output.h"
#include "data/import/resize.h"
#include "runtime/cascade/pipeline/stream.h"

namespace cascadecl {
namespace {

void print_answer(const Model& model, const StreamAnswer& answer, const std::string& file) {
  const auto label = static_cast<std::size_t>(answer.label());
  const nlohmann::ordered_json json = {{"image", file},
                                       {"label", label},
                                       {"label_name", model.label_name(label)},
                                       {"probability", answer.answer[label]},
                                       {"exit_stage", answer.exit_stage},
                                       {"mmac", model.macs_through(answer.exit_stage) / 1e6},
                                       {"latency_ms", answer.latency_ms}};
  print_json_line(json);
  flush_output();
}

}  // namespace

void predict_stream(const Model& model, const std::vector<Device>& devices, const ExecutorSettings& settings,
                    double max_delay_ms) {
  constexpr std::size_t kCapacity = 1024;            // images that wait or are being run
  constexpr std::size_t kUnprinted = 4 * kCapacity;  // those, and those whose answers are not printed yet
  CascadeStream stream(model, devices,
                       {.executor = settings,
                        .capacity = kCapacity,
                        .max_delay = std::chrono::microseconds(static_cast<std::int64_t>(max_delay_ms * 1e3))});
  stream.warm_up();
  NameQueue names(kUnprinted);
  LineReader lines(STDIN_FILENO, "standard input");
  std::exception_ptr failure;
  std::thread printer([&] {
    try {
      while (const auto answer = stream.pop()) print_answer(model, *answer, names.pop());
    } catch (...) {
      failure = std::current_exception();
      lines.stop();  // also where no line comes for long
      names.stop();
    }
  });
  std::exception_ptr error;
  const ImageDims dims{model.input.channels, model.input.height, model.input.width};
  try {
    while (const auto line = lines.next()) {
      if (line->empty()) continue;
      const Image image = read_network_image(*line, dims);
      if (!names.push(*line)) break;
      stream.push(image.pixels);
    }
  } catch (...) {
    error = std::current_exception();
  }
  stream.close();
  printer.join();
  if (failure) std::rethrow_exception(failure);
  for (const DeviceFailure& of : stream.statistics().failures) device_settings().warning(to_string(of));
  if (error) std::rethrow_exception(error);
}

}  // namespace cascadecl
