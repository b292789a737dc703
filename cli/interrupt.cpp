#include "cli/interrupt.h"

namespace cascadecl {
namespace {

constexpr std::array signals = {SIGINT, SIGTERM, SIGHUP};

// Asked when the program is loaded: OpenCL drivers may put handlers of their own in the place of SIG_IGN.
const std::array<bool, signals.size()> ignored = [] {
  std::array<bool, signals.size()> all{};
  for (std::size_t i = 0; i < signals.size(); ++i) {
    struct sigaction now {};
    all[i] = sigaction(signals[i], nullptr, &now) == 0 && now.sa_handler == SIG_IGN;
  }
  return all;
}();

}  // namespace

std::atomic<bool> interrupted{false};
static_assert(std::atomic<bool>::is_always_lock_free);

InterruptGuard::InterruptGuard() {
  interrupted = false;
  struct sigaction action {};
  action.sa_handler = [](int) { interrupted = true; };
  action.sa_flags = static_cast<int>(SA_RESETHAND | SA_RESTART);
  for (std::size_t i = 0; i < signals.size(); ++i) {
    sigaction(signals[i], nullptr, &previous_[i]);
    if (!ignored[i]) sigaction(signals[i], &action, nullptr);
  }
}

InterruptGuard::~InterruptGuard() {
  for (std::size_t i = 0; i < signals.size(); ++i) sigaction(signals[i], &previous_[i], nullptr);
}

}  // namespace cascadecl
