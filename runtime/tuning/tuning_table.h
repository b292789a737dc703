#pragma once
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "runtime/tuning/tuning_key.h"
#include "runtime/warning.h"

namespace cascadecl {

// The result of tuning for one key. Times are of all uses of the key in the networks that were tuned.
struct TuningEntry {
  TuningValues values;
  std::optional<double> ms, default_ms;  // of these values, and of what runs without them
  bool complete = true;                  // all candidates were tried; else the best of those that were
  bool operator==(const TuningEntry&) const = default;
};

using TuningTable = std::map<TuningKey, TuningEntry>;

// The owner of a table: one device and driver, whose results it holds, or a class of devices with its defaults
// ("cpu-16").
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
// Reads such a text. Gives nothing, after a warning that begins with `name`, if it is no tuning file or of another
// format version. An entry that cannot be read is left out with a warning. Whether values are valid is for their kernel
// to say.
std::optional<TuningFile> parse_tuning_file(std::string_view text, const std::string& name,
                                            const WarningHandler& warning);

}  // namespace cascadecl
