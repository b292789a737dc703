#pragma once
#include <cstddef>
#include <cstdint>
#include <vector>

namespace cascadecl {

// At the start of the program, before any file is opened: a file that is opened later must not take the place of a
// standard input, output or error that the caller has closed. What is closed then fails when it is used, but for
// standard error, which takes everything.
void hold_closed_standard_files();

// Throws FileError if standard input is closed. Asked before long work.
void check_standard_input();
// All of standard input. Throws FileError if it cannot be read or is longer than `most` bytes.
std::vector<std::uint8_t> read_standard_input(std::size_t most);

}  // namespace cascadecl
