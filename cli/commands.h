#pragma once
#include <string>
#include <vector>

namespace cascadecl {

// The commands. Each takes what stands after its name, prints its result to stdout, and throws an error of
// data/files/error.h.
using Arguments = std::vector<std::string>;

void run_devices(const Arguments& arguments);
void run_info(const Arguments& arguments);
void run_data(const Arguments& arguments);
void run_data_import(const Arguments& arguments);  // parts of data
void run_data_fetch(const Arguments& arguments);
void run_train(const Arguments& arguments);
void run_eval(const Arguments& arguments);
void run_stream(const Arguments& arguments);
void run_policies(const Arguments& arguments);
void run_predict(const Arguments& arguments);
void run_profile(const Arguments& arguments);
void run_placement(const Arguments& arguments);
void run_report(const Arguments& arguments);
void run_calibrate(const Arguments& arguments);
void run_sweep(const Arguments& arguments);
void run_tune(const Arguments& arguments);
void run_bench(const Arguments& arguments);
void run_help(const Arguments& arguments);

// What cascadecl --help prints.
std::string usage();

}  // namespace cascadecl
