#pragma once
#include <array>
#include <atomic>
#include <csignal>

namespace cascadecl {

// Set by Ctrl-C (SIGINT), SIGTERM or SIGHUP (the terminal is gone); the only thing a signal handler may touch.
extern std::atomic<bool> interrupted;

// Makes the first of these signals set the flag while it lives; a second one ends the program at once. A signal that
// the caller has the program ignore, as nohup does with SIGHUP, stays ignored.
class InterruptGuard {
 public:
  InterruptGuard();
  ~InterruptGuard();
  InterruptGuard(const InterruptGuard&) = delete;
  InterruptGuard& operator=(const InterruptGuard&) = delete;

 private:
  std::array<struct sigaction, 3> previous_{};
};

}  // namespace cascadecl
