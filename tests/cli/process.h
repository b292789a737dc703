#pragma once
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "tests/support/temporary_folder.h"

namespace cascadecl::testing {

// What a run of the program left: its exit status (128 + signal if one killed it) and what it wrote.
struct Finished {
  int status = 0;
  std::string out, err;
  nlohmann::json json() const { return nlohmann::json::parse(out); }
};

// The program under test, running with files as stdout and stderr. Killed on destruction if nobody waited for it.
class Process {
 public:
  // `environment` holds "NAME=value", besides what the test itself has. An empty path of standard input leaves that
  // closed.
  explicit Process(const std::vector<std::string>& arguments, const std::filesystem::path& standard_output = {},
                   std::vector<std::string> environment = {},
                   const std::filesystem::path& standard_input = "/dev/null");
  ~Process();
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  void signal(int number) const;
  std::string err_so_far() const;
  Finished wait();

 private:
  TemporaryFolder folder_;
  std::filesystem::path out_, err_;
  int pid_ = -1;
};

// Runs `cascadecl arguments...` to its end.
Finished cascadecl_run(const std::vector<std::string>& arguments, std::vector<std::string> environment = {});

// What stands on stderr beside warnings, whole lines.
std::string without_warnings(const std::string& err);

// Whether an error is as the documentation promises: this status, nothing on stdout, one line on stderr that begins
// with "cascadecl" and names `part`. Otherwise the text says what is wrong.
std::string error_fault(const Finished& run, int status, const std::string& part);

}  // namespace cascadecl::testing
