#pragma once
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "runtime/study/answers/cascade_table.h"

namespace cascadecl {

// A number, as 16 hexadecimal digits, of all that a model's label probabilities depend on: networks, parameters, mean,
// std and temperatures. FNV-1a of 64 bits: it tells files apart, it is no protection against forgery.
std::string fingerprint(const Model& model);

// Keeps tables, without stop probabilities, in an HDF5 file with a key that says what they were made from; atomic.
// Throws OutputError.
void write_tables(const std::filesystem::path& path, std::string_view key, const std::vector<CascadeTable>& tables);

// The tables of a file; none if it is missing, damaged, of another key or of another number of tables: a cache that
// does not serve is no error.
std::optional<std::vector<CascadeTable>> read_tables(const std::filesystem::path& path, std::string_view key,
                                                     std::size_t count);

}  // namespace cascadecl
