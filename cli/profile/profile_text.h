#pragma once
#include <string>

#include "runtime/report/profile_file.h"

namespace cascadecl {

// What profile prints without --json.
std::string profile_text(const ProfileRecord& record);

}  // namespace cascadecl
