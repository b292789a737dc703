#pragma once
#include <filesystem>
#include <string>

#include "tests/support/temporary_folder.h"

namespace cascadecl {

// tests/support/http_server.py at work on this machine, until the object goes. Proxies of the environment are switched
// off for it.
class LocalServer {
 public:
  // Throws std::runtime_error if it does not start.
  explicit LocalServer(const std::string& python);
  ~LocalServer();
  LocalServer(const LocalServer&) = delete;
  LocalServer& operator=(const LocalServer&) = delete;

  // What is put in here is served.
  const TemporaryFolder& folder() const { return folder_; }
  // Of a file in the folder; the fault is one that the script knows, or "plain".
  std::string url(const std::string& fault, const std::string& name) const;
  // The requests so far, a line each: "/plain/a.bin bytes=17-".
  std::string requests() const { return read_text(folder_ / "requests"); }

 private:
  TemporaryFolder folder_;
  int pid_ = -1;
};

}  // namespace cascadecl
