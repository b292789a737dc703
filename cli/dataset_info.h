#pragma once
#include <filesystem>
#include <nlohmann/json_fwd.hpp>
#include <string>

namespace cascadecl {

// What a dataset file holds. All throw FileError if it is none.
nlohmann::ordered_json dataset_info_json(const std::filesystem::path& file);
std::string dataset_info_text(const std::filesystem::path& file);
// Prints one of them.
void print_dataset_info(const std::filesystem::path& file, bool json);

}  // namespace cascadecl
