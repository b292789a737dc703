#pragma once
#include <filesystem>

namespace cascadecl {

// Prints what a dataset file holds, as text or JSON. Throws FileError if it is none.
void print_dataset_info(const std::filesystem::path& file, bool json);

}  // namespace cascadecl
