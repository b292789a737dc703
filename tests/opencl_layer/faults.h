#pragma once
#include <fstream>
#include <map>
#include <mutex>
#include <string>

#include "tests/opencl_layer/layer.h"

// The layer `faults` lets a device fail at a chosen call, and lists the calls, so that a test can let each of them fail
// in turn. Above `present` (OPENCL_LAYERS=.../libopencl_present.so:.../libopencl_faults.so) it watches presented
// devices.
//
//   OPENCL_LAYERS=build/release/tests/libopencl_faults.so
//   OPENCL_FAULTS="log=calls.txt"
//   OPENCL_FAULTS="device=0.1, at=17, return=CL_OUT_OF_RESOURCES, sticky"
//
//   device=P.D   the one watched, by its place as in cascadecl's ocl:PLATFORM.DEVICE; default 0.0
//   calls=A+B    the kinds watched, of those below; default all
//   log=FILE     one line for each watched call, its function's name: line n is call n
//   at=N         the call that fails, counted from 1; default none
//   return=NAME  it does nothing and gives this error: one of those in faults.cpp, or a number
//   nan          instead: if it reads, NaN comes in place of every 4 bytes
//   hang         instead: the device stops there. The call never returns if it makes or builds something, nor do calls
//                that wait for the device, from this one on
//   sticky       every watched call after it fails as well
//   stall=FILE   calls that wait for the device do not return as long as FILE is there, which a test may create and
//                remove at any time
//   ended=FILE   written when the program takes its libraries down, as one that leaves by _Exit does not
//
// kinds: create (contexts, queues), buffer (buffers and sub-buffers), build, kernel (kernel objects), enqueue
// (launches, copies, fills), write, read, finish (also waiting for events and flushing)
namespace opencl_layer {

enum class Fault { none, error, nan, hang };

// What OPENCL_FAULTS says.
struct FaultPlan {
  std::string device = "0.0", log, stall, ended;
  std::vector<std::string> kinds;  // empty: all
  unsigned long long at = 0;
  Fault fault = Fault::none;
  cl_int error = CL_SUCCESS;
  bool sticky = false;
};

FaultPlan parse_fault_plan(const std::string& text);

// Counts the watched calls. For all threads.
class FaultClock {
 public:
  explicit FaultClock(FaultPlan plan);
  // Counts a call of `function` and says what is to happen to it.
  Fault tick(cl_device_id device, const std::string& kind, const std::string& function);
  // Whether the watched device has stopped for good.
  bool stopped(cl_device_id device);
  // Whether it stands still until the file of its plan is gone.
  bool stalled(cl_device_id device) const;
  cl_int error() const { return plan_.error; }
  const FaultPlan& plan() const { return plan_; }

 private:
  bool watches(const std::string& kind) const;
  FaultPlan plan_;
  std::mutex mutex_;
  std::ofstream log_;
  unsigned long long count_ = 0;
};

}  // namespace opencl_layer
