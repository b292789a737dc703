#pragma once
#include <dlfcn.h>
#include <doctest/doctest.h>

#include <string>

#include "tests/support/fake_nvml.h"
#include "tests/support/fake_sys.h"

namespace cascadecl {

// The fake library, loaded beside the meter so that its state can be set; fresh state each time.
class FakeNvml {
 public:
  explicit FakeNvml(const char* path) : path_(path), handle_(dlopen(path, RTLD_NOW | RTLD_LOCAL)) {
    REQUIRE_MESSAGE(handle_, path);
    state_ = reinterpret_cast<FakeNvmlState* (*)()>(dlsym(handle_, "fake_nvml_state"))();
    *state_ = {};
  }
  ~FakeNvml() { dlclose(handle_); }
  FakeNvml(const FakeNvml&) = delete;
  FakeNvml& operator=(const FakeNvml&) = delete;

  FakeNvmlState* operator->() { return state_; }

  MeterEnvironment environment(const FakeSys& sys) const {
    MeterEnvironment result = sys.environment();
    result.nvml_library = path_;
    return result;
  }

 private:
  std::string path_;
  void* handle_;
  FakeNvmlState* state_;
};

}  // namespace cascadecl
