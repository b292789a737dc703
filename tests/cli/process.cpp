#include "tests/cli/process.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <sstream>
#include <stdexcept>
#include <utility>

extern char** environ;

namespace cascadecl::testing {

Process::Process(const std::vector<std::string>& arguments, const std::filesystem::path& standard_output,
                 std::vector<std::string> environment, const std::filesystem::path& standard_input) {
  out_ = standard_output.empty() ? folder_ / "out" : standard_output;
  err_ = folder_ / "err";

  std::vector<std::string> words = {CASCADECL_PROGRAM};
  words.insert(words.end(), arguments.begin(), arguments.end());
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  std::vector<char*> envp;  // of a name that is there twice, the first counts
  for (std::string& variable : environment) envp.push_back(variable.data());
  for (char** variable = environ; *variable; ++variable) envp.push_back(*variable);
  envp.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  if (standard_input.empty()) {
    posix_spawn_file_actions_addclose(&actions, STDIN_FILENO);
  } else {
    posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, standard_input.c_str(), O_RDONLY, 0);
  }
  posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, out_.c_str(), O_WRONLY | O_CREAT, 0600);
  posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, err_.c_str(), O_WRONLY | O_CREAT, 0600);
  const int error = posix_spawn(&pid_, CASCADECL_PROGRAM, &actions, nullptr, argv.data(), envp.data());
  posix_spawn_file_actions_destroy(&actions);
  if (error != 0) throw std::runtime_error("cannot start " CASCADECL_PROGRAM);
}

Process::~Process() {
  if (pid_ > 0) {
    signal(SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }
}

void Process::signal(int number) const { ::kill(pid_, number); }

std::string Process::err_so_far() const { return read_text(err_); }

Finished Process::wait() {
  int status = 0;
  ::waitpid(pid_, &status, 0);
  pid_ = -1;
  const bool own_output = out_.parent_path() == folder_.path();
  return {WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status), own_output ? read_text(out_) : "",
          read_text(err_)};
}

Finished cascadecl_run(const std::vector<std::string>& arguments, std::vector<std::string> environment) {
  return Process(arguments, {}, std::move(environment)).wait();
}

std::string without_warnings(const std::string& err) {
  std::istringstream lines(err);
  std::string kept;
  for (std::string line; std::getline(lines, line);)
    if (!line.starts_with("cascadecl: warning:")) kept += line + "\n";
  return kept;
}

std::string error_fault(const Finished& run, int status, const std::string& part) {
  if (run.status != status) return fmt::format("status {}, expected {}; stderr: {}", run.status, status, run.err);
  if (!run.out.empty()) return "stdout is not empty: " + run.out;
  if (!run.err.starts_with("cascadecl")) return "stderr does not begin with the program's name: " + run.err;
  if (std::count(run.err.begin(), run.err.end(), '\n') != 1) return "stderr is not one line: " + run.err;
  if (!contains(run.err, part)) return fmt::format("stderr does not name '{}': {}", part, run.err);
  return "";
}

}  // namespace cascadecl::testing
