#pragma once
#include <atomic>
#include <optional>
#include <string>

namespace cascadecl {

// Lines of an open file, or other text with an end mark after each piece, as they come. next() is for one thread,
// stop() for any.
class LineReader {
 public:
  // `name` is for messages. The file stays the caller's. Throws Error if the system has no pipe left.
  LineReader(int file, std::string name, char end = '\n');
  ~LineReader();
  LineReader(const LineReader&) = delete;
  LineReader& operator=(const LineReader&) = delete;

  // The next line without its end, waiting for it; nothing at the end of the file, or once stop() was called. Throws
  // FileError if the file cannot be read.
  std::optional<std::string> next();
  void stop();  // also wakes a next() that waits

 private:
  void wait() const;  // until there is something to read, or the end, or stop()
  bool fill();        // returns false at the end, and when stopped

  int file_;
  char end_;
  std::string name_, read_;  // what is read and no line yet
  std::atomic<bool> stopped_{false};
  int wake_read_ = -1, wake_write_ = -1;
};

}  // namespace cascadecl
