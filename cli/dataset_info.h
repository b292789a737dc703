#pragma once
#include <filesystem>
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "data/dataset_file.h"

namespace cascadecl {

// What a dataset file holds.
nlohmann::ordered_json dataset_info_json(const DatasetFacts& facts);
std::string dataset_info_text(const DatasetFacts& facts);
// Prints one of them. Throws FileError if the file is no dataset.
void print_dataset_info(const std::filesystem::path& file, bool json);

}  // namespace cascadecl
