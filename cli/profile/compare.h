#pragma once
#include "cli/commands.h"

namespace cascadecl {

// profile compare A.json B.json.
void run_profile_compare(const Arguments& arguments);

}  // namespace cascadecl
