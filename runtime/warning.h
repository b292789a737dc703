#pragma once
#include <functional>
#include <string>

namespace cascadecl {

// Told, in one line, what the library went on without: a spoiled cache entry, tuning that does not fit. The library
// itself writes to no stream. May be empty; called from the thread whose call met the fault, and devices of a cascade
// have a thread each: for several, it may be called from several at once. It must own what it uses: a thread that is
// left behind with a device that hangs may call it when all else is gone.
using WarningHandler = std::function<void(const std::string&)>;

inline void warn(const WarningHandler& handler, const std::string& text) {
  if (handler) handler(text);
}

}  // namespace cascadecl
