#pragma once
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>

#include "data/files/checksum.h"

namespace cascadecl {

struct DownloadSettings {
  int attempts = 5;                       // gives up after this many in a row that brought nothing
  std::chrono::milliseconds pause{1000};  // before the second attempt; doubled for each further one
  std::chrono::seconds connect_limit{30};
  std::chrono::seconds stall_limit{60};  // an attempt ends if nothing comes for this long
  std::int64_t most_bytes = std::int64_t{1} << 30;
  std::function<void(std::int64_t done, std::int64_t total)> progress;  // bytes; total is 0 where it is unknown
};

// Downloads a file from an http or https URL to `target`, which appears only when it is whole and has the checksum. If
// it is there with this checksum already, nothing is downloaded. Folders above `target` are created. Proxies are taken
// from the environment, as curl does. The part that has come so far is kept in TARGET.part, also when the program is
// stopped. The next attempt asks the server for the rest only, or starts again if the server cannot do that. If a file
// of several pieces turns out to have another checksum, it is downloaded once more in one piece. Throws DownloadError
// if the server cannot be reached, refuses or breaks off too often, or if another process is downloading it; FileError
// if the file has another checksum or is too large; OutputError if it cannot be written.
void download(const std::string& url, const std::filesystem::path& target, const Checksum& checksum,
              const DownloadSettings& settings = {});

}  // namespace cascadecl
