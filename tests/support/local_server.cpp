#include "tests/support/local_server.h"

#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <sys/wait.h>

#include <chrono>
#include <stdexcept>
#include <thread>
#include <vector>

extern char** environ;

namespace cascadecl {

LocalServer::LocalServer(const std::string& python) {
  ::setenv("no_proxy", "127.0.0.1", 1);
  std::vector<std::string> words = {python, CASCADECL_HTTP_SERVER, folder_.path().string()};
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  if (posix_spawnp(&pid_, python.c_str(), nullptr, nullptr, argv.data(), environ) != 0)
    throw std::runtime_error("cannot start the HTTP server");
  for (int i = 0; i < 3000 && !std::filesystem::exists(folder_ / "port"); ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  if (!std::filesystem::exists(folder_ / "port")) throw std::runtime_error("the HTTP server does not answer");
}

LocalServer::~LocalServer() {
  ::kill(pid_, SIGKILL);
  ::waitpid(pid_, nullptr, 0);
}

std::string LocalServer::url(const std::string& fault, const std::string& name) const {
  return "http://127.0.0.1:" + read_text(folder_ / "port") + "/" + fault + "/" + name;
}

}  // namespace cascadecl
