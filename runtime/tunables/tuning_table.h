#pragma once
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "runtime/tunables/tuning_key.h"
#include "runtime/warning.h"

namespace cascadecl {

// What tuning found for one key. Times are of all uses of the key in the networks it was tuned for.
struct TuningEntry {
  TuningValues values;
  std::optional<double> ms, default_ms;  // of these values and of what ran without them
  bool complete = true;                  // all candidates were tried; else the best of those that were
  bool operator==(const TuningEntry&) const = default;
};

using TuningTable = std::map<TuningKey, TuningEntry>;

// Whose table a file is: results of one device and driver, or defaults of a class of devices ("cpu-16").
struct TuningOwner {
  std::string platform, device, driver_version;  // empty in shipped defaults
  std::string device_class;
  bool operator==(const TuningOwner&) const = default;
};

struct TuningFile {
  TuningOwner owner;
  TuningTable table;
};

// The text of a tuning file (share/doc/tuning.md).
std::string to_json_text(const TuningFile& file);
// Nothing, after a warning that begins with `name`, where the text is no tuning file or of another format version. An
// entry that cannot be read is left out with a warning. Whether values are valid is for their kernel to say.
std::optional<TuningFile> parse_tuning_file(std::string_view text, const std::string& name,
                                            const WarningHandler& warning);

}  // namespace cascadecl
