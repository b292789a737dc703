#include "data/files/download.h"

#include <curl/curl.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <exception>
#include <memory>
#include <string_view>
#include <thread>

#include "data/files/byte_reader.h"
#include "data/files/error.h"
#include "data/files/part_file.h"

namespace cascadecl {
namespace {

namespace fs = std::filesystem;

constexpr long http_ok = 200, http_partial = 206, http_bad_range = 416, http_too_many = 429, http_server_error = 500;

// One request for the file, or for what is missing of it; what comes is added to the part file.
class Transfer {
 public:
  Transfer(const std::string& url, PartFile& part, const DownloadSettings& settings)
      : url_(url), part_(part), settings_(settings), curl_(curl_easy_init(), curl_easy_cleanup) {
    if (!curl_) throw DownloadError(fmt::format("{}: libcurl cannot start", printable(url)));
  }

  // Afterwards: whether the server sent all of it, and what else is known. Throws what writing threw.
  bool run();

  CURLcode code() const { return code_; }
  long status() const { return status_; }
  bool resumed() const { return resumed_; }
  std::int64_t received() const { return received_; }
  std::string problem() const;

 private:
  void set_options();
  std::size_t write(const char* bytes, std::size_t count);
  void begin_body();
  int tell_progress(std::int64_t done, std::int64_t total) const;

  template <typename Value>
  void set(CURLoption option, Value value) {
    const CURLcode result = curl_easy_setopt(curl_.get(), option, value);
    if (result != CURLE_OK) throw DownloadError(fmt::format("{}: {}", printable(url_), curl_easy_strerror(result)));
  }

  const std::string& url_;
  PartFile& part_;
  const DownloadSettings& settings_;
  std::unique_ptr<CURL, void (*)(CURL*)> curl_;
  std::array<char, CURL_ERROR_SIZE> message_{};
  std::exception_ptr failure_;  // an exception must not pass through libcurl
  CURLcode code_ = CURLE_OK;
  long status_ = 0;
  bool resumed_ = false, in_body_ = false;
  std::int64_t start_ = 0, received_ = 0;
};

void Transfer::set_options() {
  set(CURLOPT_URL, url_.c_str());
  set(CURLOPT_PROTOCOLS_STR, "http,https");
  set(CURLOPT_REDIR_PROTOCOLS_STR, "http,https");
  set(CURLOPT_FOLLOWLOCATION, 1L);
  set(CURLOPT_MAXREDIRS, 5L);
  set(CURLOPT_FAILONERROR, 1L);
  set(CURLOPT_NOSIGNAL, 1L);
  set(CURLOPT_USERAGENT, "cascadecl");
  set(CURLOPT_CONNECTTIMEOUT, static_cast<long>(settings_.connect_limit.count()));
  set(CURLOPT_LOW_SPEED_LIMIT, 1L);  // bytes/s
  set(CURLOPT_LOW_SPEED_TIME, static_cast<long>(settings_.stall_limit.count()));
  set(CURLOPT_ERRORBUFFER, message_.data());
  set(CURLOPT_WRITEDATA, static_cast<void*>(this));
  set(
      CURLOPT_WRITEFUNCTION, +[](char* bytes, std::size_t size, std::size_t count, void* self) {
        return static_cast<Transfer*>(self)->write(bytes, size * count);
      });
  set(CURLOPT_NOPROGRESS, 0L);
  set(CURLOPT_XFERINFODATA, static_cast<void*>(this));
  set(
      CURLOPT_XFERINFOFUNCTION, +[](void* self, curl_off_t total, curl_off_t done, curl_off_t, curl_off_t) {
        return static_cast<Transfer*>(self)->tell_progress(done, total);
      });
  if (start_ > 0) set(CURLOPT_RANGE, fmt::format("{}-", start_).c_str());
}

bool Transfer::run() {
  start_ = part_.size();
  set_options();
  code_ = curl_easy_perform(curl_.get());
  curl_easy_getinfo(curl_.get(), CURLINFO_RESPONSE_CODE, &status_);
  if (failure_) std::rethrow_exception(failure_);
  return code_ == CURLE_OK && (status_ == http_ok || status_ == http_partial);
}

// A server that knows no ranges sends the whole again; one that sends another piece than wanted is not to be trusted.
void Transfer::begin_body() {
  in_body_ = true;
  curl_easy_getinfo(curl_.get(), CURLINFO_RESPONSE_CODE, &status_);
  curl_header* range = nullptr;
  const std::string expected = fmt::format("bytes {}-", start_);
  resumed_ = start_ > 0 && status_ == http_partial &&
             curl_easy_header(curl_.get(), "Content-Range", 0, CURLH_HEADER, -1, &range) == CURLHE_OK &&
             std::string_view(range->value).starts_with(expected);
  if (status_ == http_partial && !resumed_)
    throw DownloadError(fmt::format("{}: the server sent another part than '{}'", printable(url_), expected));
  if (start_ > 0 && !resumed_) {
    part_.clear();
    start_ = 0;
  }
}

std::size_t Transfer::write(const char* bytes, std::size_t count) {
  try {
    if (!in_body_) begin_body();
    if (part_.size() + static_cast<std::int64_t>(count) > settings_.most_bytes)
      throw FileError(fmt::format("{}: more than {} bytes come, too many", printable(url_), settings_.most_bytes));
    part_.append({bytes, count});
    received_ += static_cast<std::int64_t>(count);
    return count;
  } catch (...) {
    failure_ = std::current_exception();
    return 0;
  }
}

int Transfer::tell_progress(std::int64_t done, std::int64_t total) const {
  if (settings_.progress && in_body_) settings_.progress(start_ + done, total > 0 ? start_ + total : 0);
  return 0;
}

std::string Transfer::problem() const {
  if (status_ >= 400) return fmt::format("the server answers with status {}", status_);
  const std::string text = message_[0] ? message_.data() : curl_easy_strerror(code_);
  return code_ == CURLE_OK ? fmt::format("the server answers with status {}", status_) : printable(text);
}

// Whether another attempt may go better.
bool is_transient(const Transfer& transfer, bool any_received) {
  switch (transfer.code()) {
    case CURLE_PARTIAL_FILE:
    case CURLE_RECV_ERROR:
    case CURLE_SEND_ERROR:
    case CURLE_GOT_NOTHING:
    case CURLE_OPERATION_TIMEDOUT:
    case CURLE_HTTP2_STREAM:
      return true;
    case CURLE_COULDNT_CONNECT:
      return any_received;
    case CURLE_HTTP_RETURNED_ERROR:
      return transfer.status() >= http_server_error || transfer.status() == http_too_many;
    default:
      return false;
  }
}

// Requests the rest again and again until all has come. Returns whether it came in several pieces.
bool complete(const std::string& url, PartFile& part, const DownloadSettings& settings) {
  std::int64_t most = part.size();
  bool any_received = false;
  int fruitless = 0;
  for (;;) {
    Transfer transfer(url, part, settings);
    const bool had_part = part.size() > 0;
    if (transfer.run()) return transfer.resumed() || (had_part && transfer.received() == 0);
    if (transfer.status() == http_bad_range && had_part) {  // what we have is longer than the file
      part.clear();
      continue;
    }
    any_received = any_received || transfer.received() > 0;
    fruitless = part.size() > most ? 0 : fruitless + 1;
    most = std::max(most, part.size());
    if (!is_transient(transfer, any_received) || fruitless >= settings.attempts)
      throw DownloadError(fmt::format("{}: {}{}", printable(url), transfer.problem(),
                                      part.size() > 0 ? fmt::format("; {} bytes so far are kept", part.size()) : ""));
    std::this_thread::sleep_for(settings.pause * (1 << std::min(fruitless, 5)));
  }
}

bool has_checksum(const fs::path& file, const Checksum& checksum) {
  std::error_code error;
  return fs::is_regular_file(file, error) && checksum_of(file, checksum.kind) == checksum.hex;
}

void create_folder(const fs::path& folder) {
  std::error_code error;
  if (!folder.empty()) fs::create_directories(folder, error);
  if (error) throw OutputError(fmt::format("{}: cannot create the folder: {}", folder.string(), error.message()));
}

}  // namespace

void download(const std::string& url, const fs::path& target, const Checksum& checksum,
              const DownloadSettings& settings) {
  if (has_checksum(target, checksum)) return;
  create_folder(target.parent_path());
  PartFile part(target);
  if (part.size() == 0 || !has_checksum(part.path(), checksum)) {
    bool pieces = complete(url, part, settings);
    std::string found = checksum_of(part.path(), checksum.kind);
    if (found != checksum.hex && pieces) {
      part.clear();
      complete(url, part, settings);
      found = checksum_of(part.path(), checksum.kind);
    }
    if (found != checksum.hex) {
      part.remove();
      throw FileError(
          fmt::format("{}: has {} {}, expected {}", printable(url), to_string(checksum.kind), found, checksum.hex));
    }
  }
  part.become_target();
}

}  // namespace cascadecl
