#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <mutex>
#include <string>

#include "tests/opencl_layer/layer.h"
#include "tests/opencl_layer/settings.h"

// The layer `meter` makes a machine whose energy is known: each kernel launch, on any device, adds to the number in a
// file, as the hardware does to a powercap zone's energy_uj (tests/support/fake_sys.h).
//
//   OPENCL_LAYERS=build/release/tests/libopencl_meter.so
//   OPENCL_METER="file=sys/class/powercap/intel-rapl:0/energy_uj, launch=1000"
//
//   file=FILE    holds a whole number; another one is renamed into its place, so that no reader sees half of one
//   launch=N     what a launch adds, in microjoules
namespace opencl_layer {
namespace {

constexpr const char* variable = "OPENCL_METER";

class Counter {
 public:
  explicit Counter(const std::string& text) {
    for (const auto& [word, value] : parse_pairs(text)) {
      if (word == "file") {
        file_ = value;
      } else if (word == "launch") {
        launch_uj_ = parse_number(variable, value);
      } else {
        refuse_setting(variable, word, "is no word of it");
      }
    }
    if (!(std::ifstream(file_) >> energy_uj_)) refuse_setting(variable, file_, "is no file with a number");
  }

  void launch() {
    const std::lock_guard lock(mutex_);
    energy_uj_ += launch_uj_;
    const std::string beside = file_ + ".new";
    std::ofstream(beside) << energy_uj_ << '\n';
    if (std::rename(beside.c_str(), file_.c_str()) != 0) refuse_setting(variable, file_, "cannot be written");
  }

 private:
  std::string file_;
  unsigned long long launch_uj_ = 0, energy_uj_ = 0;
  std::mutex mutex_;
};

Counter& counter() {
  static const char* text = std::getenv(variable);
  static Counter* const only = new Counter(text ? text : "");  // outlives all other statics
  return *only;
}

cl_int CL_API_CALL launch(cl_command_queue queue, cl_kernel kernel, cl_uint dimensions, const size_t* offset,
                          const size_t* global, const size_t* local, cl_uint wait_count, const cl_event* waits,
                          cl_event* event) {
  counter().launch();
  return below().clEnqueueNDRangeKernel(queue, kernel, dimensions, offset, global, local, wait_count, waits, event);
}

}  // namespace

void replace_entries(cl_icd_dispatch& entries) {
  counter();  // so that a wrong setting is told at once
  entries.clEnqueueNDRangeKernel = launch;
}

}  // namespace opencl_layer
