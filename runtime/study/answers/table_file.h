#pragma once
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "runtime/study/answers/cascade_table.h"

namespace cascadecl {

// A number, as 16 hexadecimal digits, that identifies everything that a model's label probabilities depend on:
// networks, parameters, mean, std and temperatures. It is FNV-1a of 64 bits: it tells files apart, and is no protection
// against forgery.
std::string fingerprint(const Model& model);

// Writes tables, without stop probabilities, to an HDF5 file, with a key that says what they were made from. Atomic.
// Throws OutputError.
void write_tables(const std::filesystem::path& path, std::string_view key, const std::vector<CascadeTable>& tables);

// The tables of a file. None if it is missing, damaged, or has another key or number of tables: a cache that cannot
// serve is no error.
std::optional<std::vector<CascadeTable>> read_tables(const std::filesystem::path& path, std::string_view key,
                                                     std::size_t count);

}  // namespace cascadecl
