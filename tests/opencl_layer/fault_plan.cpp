#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <map>

#include "tests/opencl_layer/faults.h"
#include "tests/opencl_layer/settings.h"

namespace opencl_layer {
namespace {

constexpr const char* variable = "OPENCL_FAULTS";

cl_int parse_error(const std::string& text) {
  static const std::map<std::string, cl_int> names = {
      {"CL_DEVICE_NOT_AVAILABLE", CL_DEVICE_NOT_AVAILABLE},
      {"CL_MEM_OBJECT_ALLOCATION_FAILURE", CL_MEM_OBJECT_ALLOCATION_FAILURE},
      {"CL_OUT_OF_RESOURCES", CL_OUT_OF_RESOURCES},
      {"CL_OUT_OF_HOST_MEMORY", CL_OUT_OF_HOST_MEMORY},
      {"CL_BUILD_PROGRAM_FAILURE", CL_BUILD_PROGRAM_FAILURE},
      {"CL_INVALID_COMMAND_QUEUE", CL_INVALID_COMMAND_QUEUE},
  };
  const auto found = names.find(text);
  if (found != names.end()) return found->second;
  char* end = nullptr;
  const long number = std::strtol(text.c_str(), &end, 10);
  if (end == text.c_str() || *end != '\0' || number >= 0) refuse_setting(variable, text, "is no error of OpenCL");
  return static_cast<cl_int>(number);
}

void set(FaultPlan& plan, const std::string& word, const std::string& value) {
  if (word == "device") {
    plan.device = value;
  } else if (word == "calls") {
    plan.kinds = split(value, '+');
  } else if (word == "log") {
    plan.log = value;
  } else if (word == "stall") {
    plan.stall = value;
  } else if (word == "ended") {
    plan.ended = value;
  } else if (word == "at") {
    plan.at = parse_number(variable, value);
  } else if (word == "return") {
    plan.fault = Fault::error;
    plan.error = parse_error(value);
  } else if (word == "nan") {
    plan.fault = Fault::nan;
  } else if (word == "hang") {
    plan.fault = Fault::hang;
  } else if (word == "sticky") {
    plan.sticky = true;
  } else {
    refuse_setting(variable, word, "is no word of it");
  }
}

}  // namespace

FaultPlan parse_fault_plan(const std::string& text) {
  FaultPlan plan;
  for (const auto& [word, value] : parse_pairs(text)) set(plan, word, value);
  if (plan.at && plan.fault == Fault::none) refuse_setting(variable, text, "says when, but not what");
  return plan;
}

FaultClock::FaultClock(FaultPlan plan) : plan_(std::move(plan)) {
  if (plan_.log.empty()) return;
  log_.open(plan_.log, std::ios::trunc);
  if (!log_) refuse_setting(variable, plan_.log, "cannot be written");
}

bool FaultClock::watches(const std::string& kind) const {
  return plan_.kinds.empty() || std::find(plan_.kinds.begin(), plan_.kinds.end(), kind) != plan_.kinds.end();
}

Fault FaultClock::tick(cl_device_id device, const std::string& kind, const std::string& function) {
  if (position_of(device) != plan_.device || !watches(kind)) return Fault::none;
  const std::lock_guard lock(mutex_);
  ++count_;
  if (log_.is_open()) log_ << function << std::endl;  // at once: the process may be killed
  if (plan_.at == 0 || count_ < plan_.at) return Fault::none;
  return count_ == plan_.at || plan_.sticky ? plan_.fault : Fault::none;
}

bool FaultClock::stalled(cl_device_id device) const {
  return !plan_.stall.empty() && position_of(device) == plan_.device && ::access(plan_.stall.c_str(), F_OK) == 0;
}

bool FaultClock::stopped(cl_device_id device) {
  if (plan_.fault != Fault::hang || position_of(device) != plan_.device) return false;
  const std::lock_guard lock(mutex_);
  return plan_.at != 0 && count_ >= plan_.at;
}

}  // namespace opencl_layer
