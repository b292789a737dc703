#pragma once
#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "data/files/byte_reader.h"

namespace cascadecl {

// A pickle is a program: Python's own reader imports and calls whatever it names. Here it is read as data. The reader
// knows values that containers, numbers, texts and NumPy arrays are made of. It refuses anything else: an unknown
// instruction, or a name other than the five that NumPy writes. Nothing is ever imported, called or executed.
//
// Long texts and bytes stay in the file: a value holds where they lie. Memory is bounded by some 300 MB, whatever the
// file claims. Nesting costs no call stack.
enum class PickleKind : std::uint8_t {
  none,
  boolean,       // number: 0 or 1
  integer,       // number: up to 64 bits
  real,          // its value is not kept
  text,          // of a Python str; in UTF-8
  bytes,         // of a Python bytes, or str of Python 2
  latin1_bytes,  // bytes whose values the file holds as characters in UTF-8, as Python 3 does in protocol 2
  tuple,
  list,
  dict,
  array,  // a NumPy array
  type,   // a NumPy dtype
  name    // one of the names that may appear
};

struct PickleValue {
  PickleKind kind = PickleKind::none;
  std::int64_t number = 0;  // the number, or which of the file's objects of this kind
};

struct PickleArray {
  std::string type;                 // as NumPy writes it: "|u1", "<i8"
  std::vector<std::int64_t> shape;  // no negative sizes; [] is one number
  bool column_major = false;
  PickleValue bytes;  // of kind bytes or latin1_bytes; if bytes, there are as many as type and shape need
};

class Pickle {
 public:
  // Reads pickles of protocol 2, 3 and 4. Throws FileError naming the file, offset and instruction if the file is
  // damaged, truncated, continues after its end, or holds something unknown.
  explicit Pickle(const std::filesystem::path& path);

  PickleValue root() const { return root_; }
  const std::filesystem::path& path() const { return path_; }

  // Of a tuple or list: its values. Of a dict: key, value, key, value, ...
  std::span<const PickleValue> items(PickleValue container) const;
  // The value of a dict under a key that is a text or bytes; of several equal keys the last one counts.
  std::optional<PickleValue> find(PickleValue dict, std::string_view key) const;
  const PickleArray& array(PickleValue value) const;

  // Where text or bytes lie in the file.
  struct Range {
    std::int64_t offset = 0, length = 0;
  };
  Range range(PickleValue value) const;

 private:
  friend class PickleMachine;

  std::filesystem::path path_;
  PickleValue root_;
  std::vector<std::vector<PickleValue>> containers_;
  std::vector<Range> ranges_;
  std::vector<std::string> types_;
  std::vector<PickleArray> arrays_;
};

// Reads the content of one bytes value in order, in pieces of any size.
class PickleBytes {
 public:
  // value is of kind bytes or latin1_bytes.
  PickleBytes(const Pickle& pickle, PickleValue value);

  // Fills `out`. Throws FileError if fewer bytes are left, or if a character is not in Latin-1.
  void read(std::span<std::uint8_t> out);
  // Throws FileError if bytes are left.
  void expect_end() const;

 private:
  std::uint8_t next_latin1();

  ByteReader reader_;
  std::int64_t end_;
  bool latin1_;
  std::vector<std::uint8_t> raw_;  // of latin1: read ahead
  std::size_t used_ = 0;
};

}  // namespace cascadecl
