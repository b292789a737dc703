#pragma once
#include <functional>
#include <string>

namespace cascadecl {

// Receives, in one line, each fault that the library went on in spite of: a spoiled cache entry, tuning that does not
// fit. The library itself writes to no stream. It may be empty. It is called from the thread whose call met the fault.
// Devices of a cascade have a thread each, so it may be called from several threads at once. It must own what it uses:
// a thread that is left behind with a device that hangs may call it when everything else is gone.
using WarningHandler = std::function<void(const std::string&)>;

inline void warn(const WarningHandler& handler, const std::string& text) {
  if (handler) handler(text);
}

}  // namespace cascadecl
