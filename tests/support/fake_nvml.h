#pragma once

// What the fake NVIDIA management library (fake_nvml.cpp, a module that tests load) answers: a GPU, and a
// second one, which comes first by its address.
// A test loads the module itself and sets the state behind the symbol fake_nvml_state.
struct FakeNvmlState {
  int init_status = 0;    // an nvmlReturn_t: 0 done, 3 not supported, 4 no permission, 9 driver not loaded, 15 GPU lost
  int energy_status = 0;  // of the energy counter
  int power_status = 0;
  unsigned long long energy_mj = 0;
  unsigned power_mw = 0;
  const char* bus_id = "0000:65:00.0";
  unsigned clock_mhz = 0;
  unsigned long long throttle_reasons = 0;
  struct Second {
    unsigned long long energy_mj = 0;
    const char* bus_id = "0000:17:00.0";
  } second;
  int sessions = 0;  // nvmlInit less nvmlShutdown
};
