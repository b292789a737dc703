#include "cli/predict_stream.h"

#include <fmt/format.h>

#include <exception>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>

#include "cli/image_answer.h"
#include "cli/line_reader.h"
#include "cli/name_queue.h"
#include "cli/open_device.h"
#include "cli/output.h"
#include "data/files/error.h"
#include "data/import/network_image.h"
#include "runtime/cascade/pipeline/stream.h"

namespace cascadecl {
namespace {

using nlohmann::ordered_json;

ordered_json answer_json(const Model& model, const StreamAnswer& answer, const std::string& file, int top) {
  const auto label = static_cast<std::size_t>(answer.label());
  ordered_json json = {{"image", file},
                       {"label", label},
                       {"label_name", model.label_name(label)},
                       {"probability", answer.answer[label]},
                       {"exit_stage", answer.exit_stage},
                       {"mmac", model.macs_through(answer.exit_stage) / 1e6},
                       {"latency_ms", answer.latency_ms}};
  if (top > 1) json["top"] = top_json(model, most_probable(answer.answer, top));
  return json;
}

// Prints a line for each name, until the last one or until the stream ends before.
void print_answers(const Model& model, CascadeStream& stream, NameQueue& names, int top) {
  while (const auto image = names.pop()) {
    if (!image->problem.empty()) {
      print_json_line({{"image", image->name}, {"error", image->problem}});
    } else if (const auto answer = stream.pop()) {
      print_json_line(answer_json(model, *answer, image->name, top));
    } else {
      return;
    }
    flush_output();
  }
}

// The name on a line of a text. Throws FileError if no file can be called so.
std::string name_on_line(std::string line) {
  if (line.ends_with('\r')) line.pop_back();
  if (line.find('\0') != std::string::npos) throw FileError("a line holds a NUL byte; with -0 it ends a name");
  return line;
}

// Sends the images in; returns how many cannot be read.
class Sender {
 public:
  Sender(const Model& model, CascadeStream& stream, NameQueue& names)
      : dims_{model.input.channels, model.input.height, model.input.width},
        model_(model),
        stream_(stream),
        names_(names) {}

  std::int64_t images() const { return images_; }
  std::int64_t unreadable() const { return unreadable_; }

  // Returns false if nobody prints answers any more.
  bool send(std::string line, bool is_text) {
    NamedImage image{line, ""};
    Image pixels;
    try {
      if (is_text) image.name = name_on_line(std::move(line));
      if (image.name.empty()) return true;
      pixels = read_network_image(image.name, dims_);
      turn_pictures(model_, pixels.pixels);
    } catch (const FileError& error) {
      image.problem = error.what();
      ++unreadable_;
    }
    ++images_;
    const bool readable = image.problem.empty();
    if (!names_.push(std::move(image))) return false;
    if (readable) stream_.push(pixels.pixels);
    return true;
  }

 private:
  ImageDims dims_;
  const Model& model_;
  CascadeStream& stream_;
  NameQueue& names_;
  std::int64_t images_ = 0, unreadable_ = 0;
};

}  // namespace

void predict_stream(const Model& model, const std::vector<Device>& devices, const ExecutorSettings& settings,
                    LineReader& lines, const StreamPrediction& asked) {
  constexpr std::size_t kCapacity = 1024;            // images that wait or are being run
  constexpr std::size_t kUnprinted = 4 * kCapacity;  // those, and those whose answers are not printed yet
  CascadeStream stream(model, devices,
                       {.executor = settings,
                        .capacity = kCapacity,
                        .max_delay = std::chrono::microseconds(static_cast<std::int64_t>(asked.max_delay_ms * 1e3))});
  stream.warm_up();
  NameQueue names(kUnprinted);
  std::exception_ptr failure;
  std::thread printer([&] {
    try {
      print_answers(model, stream, names, asked.top);
    } catch (...) {
      failure = std::current_exception();
      lines.stop();  // also where no line comes for long
      names.stop();
    }
  });
  std::exception_ptr error;
  Sender sender(model, stream, names);
  try {
    while (auto line = lines.next())
      if (!sender.send(*std::move(line), asked.name_end == '\n')) break;
  } catch (...) {
    error = std::current_exception();
  }
  stream.close();
  names.close();
  printer.join();
  if (failure) std::rethrow_exception(failure);
  for (const DeviceFailure& of : stream.statistics().failures) device_settings().warning(to_string(of));
  if (error) std::rethrow_exception(error);
  if (sender.unreadable() > 0)
    throw FileError(fmt::format("{} of the {} images cannot be read", sender.unreadable(), sender.images()));
}

}  // namespace cascadecl
