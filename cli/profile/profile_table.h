#pragma once
#include <string>

#include "runtime/study/runs/profile_file.h"

namespace cascadecl {

// The workloads of a profile as text: a line each, under a header of their fields.
std::string profile_csv(const ProfileRecord& record);
std::string profile_markdown(const ProfileRecord& record);

}  // namespace cascadecl
