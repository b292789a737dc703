#pragma once
#include <string>

#include "runtime/study/runs/profile_file.h"

namespace cascadecl {

// What profile prints without --json.
std::string profile_text(const ProfileRecord& record);

}  // namespace cascadecl
