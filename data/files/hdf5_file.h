#pragma once
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace cascadecl {

// HDF5 files, read with distrust and written atomically. Objects are named by their absolute path ("/train/images"),
// the root group by "/". HDF5 itself is not safe for threads, so all calls here take one lock: readers and writers may
// live in different threads, each used by one thread at a time.
//
// Element types T of data sets: float (float32), double (float64), std::int32_t, std::int64_t, std::uint8_t.
using Hdf5Shape = std::vector<std::int64_t>;
constexpr std::int64_t any_size = -1;  // in an expected shape: this dimension may have any size

// Call it in main() before any file is opened: HDF5 then does no cleaning up when the process ends. Our files are
// closed by then, but after a damaged file HDF5 may print complaints to stderr, or crash.
void skip_hdf5_cleanup_at_exit();

// "[50000, 3, 32, 32]"; any_size prints as "any".
std::string to_string(const Hdf5Shape& shape);

// The facts that a file states about one of its data sets.
struct Hdf5DatasetInfo {
  Hdf5Shape shape;
  std::string type;                  // "uint8", "float32", ...; "other" for types we do not read
  Hdf5Shape chunk;                   // empty: stored in one piece
  std::vector<std::string> filters;  // "deflate", "shuffle", "fletcher32"
  std::int64_t stored_bytes = 0;     // in the file, compressed
};

// An open file of unknown origin. Everything is checked before it is used or memory is allocated for it: existence,
// type, rank and size of each object. A size that the stored bytes cannot justify is refused. Reading never leaves the
// file: soft and external links, external or virtual storage, and filters other than deflate, shuffle and fletcher32
// are refused. All functions throw FileError naming file, object, what was expected and what was found.
class Hdf5Reader {
 public:
  // Throws FileError if the file is missing, a folder, unreadable, not HDF5, truncated or damaged.
  explicit Hdf5Reader(std::filesystem::path path);
  ~Hdf5Reader();
  Hdf5Reader(Hdf5Reader&&) noexcept;
  Hdf5Reader& operator=(Hdf5Reader&&) noexcept;

  const std::filesystem::path& path() const;
  std::int64_t file_bytes() const;

  bool has_group(std::string_view name) const;
  bool has_dataset(std::string_view name) const;
  bool has_attribute(std::string_view object, std::string_view attribute) const;
  // Names of the links in a group (not their paths), in ascending order.
  std::vector<std::string> children(std::string_view group) const;

  // Attributes of a group or data set. Integers of any width up to 64 bits and floats of any width are accepted.
  std::string string_attribute(std::string_view object, std::string_view attribute) const;
  std::vector<std::string> string_list_attribute(std::string_view object, std::string_view attribute) const;
  std::int64_t int_attribute(std::string_view object, std::string_view attribute) const;
  std::vector<std::int64_t> int_list_attribute(std::string_view object, std::string_view attribute) const;
  std::vector<float> float_list_attribute(std::string_view object, std::string_view attribute) const;
  double float_attribute(std::string_view object, std::string_view attribute) const;

  Hdf5DatasetInfo dataset_info(std::string_view name) const;

  // The whole data set, row-major. expected may hold any_size; its rank must fit. T float also accepts float16 and
  // float64, T double any float; the integer types must match exactly.
  template <typename T>
  std::vector<T> read(std::string_view name, const Hdf5Shape& expected) const;

  // Rows [first, first + count) of the first dimension into out, which has room for count * (product of the others).
  template <typename T>
  void read_rows(std::string_view name, std::int64_t first, std::int64_t count, std::span<T> out) const;

  // The error for a problem with an object of this file: "FILE: OBJECT: problem". For callers' own checks.
  [[noreturn]] void fail(std::string_view object, const std::string& problem) const;

  struct Impl;  // of no concern to users

 private:
  std::unique_ptr<Impl> impl_;
};

// How a data set is stored. chunk_rows = 0: in one piece, not compressed.
struct Hdf5Storage {
  std::int64_t chunk_rows = 0;  // rows of the first dimension in a chunk
  int deflate = 0;              // compression level 1-9 with the shuffle filter; 0 = none. Needs chunk_rows > 0
};

// A new file that replaces its target on commit() and leaves no trace otherwise (see AtomicFile).
// All functions throw OutputError naming the file and object; HDF5 may report a full disk as late as in commit().
class Hdf5Writer {
 public:
  explicit Hdf5Writer(std::filesystem::path target);
  ~Hdf5Writer();
  Hdf5Writer(Hdf5Writer&&) noexcept;
  Hdf5Writer& operator=(Hdf5Writer&&) noexcept;

  // Creates the group and its missing parents; an existing group is fine.
  void create_group(std::string_view name);

  // Attributes of an existing group or data set. Strings are UTF-8 of variable length (str in h5py).
  void write_attribute(std::string_view object, std::string_view attribute, std::string_view value);
  void write_attribute(std::string_view object, std::string_view attribute, const char* value) {
    write_attribute(object, attribute, std::string_view(value));
  }
  void write_attribute(std::string_view object, std::string_view attribute, const std::vector<std::string>& values);
  void write_attribute(std::string_view object, std::string_view attribute, std::int64_t value);
  void write_attribute(std::string_view object, std::string_view attribute, int value) {
    write_attribute(object, attribute, static_cast<std::int64_t>(value));
  }
  void write_attribute(std::string_view object, std::string_view attribute, double value);
  void write_attribute(std::string_view object, std::string_view attribute, std::span<const std::int64_t> values);
  void write_attribute(std::string_view object, std::string_view attribute, std::span<const float> values);

  // Creates a data set (and missing parent groups) and writes all of it, row-major. values.size() = product of shape.
  template <typename T>
  void write(std::string_view name, const Hdf5Shape& shape, std::span<const T> values, Hdf5Storage storage = {});
  template <typename T>
  void write(std::string_view name, const Hdf5Shape& shape, const std::vector<T>& values, Hdf5Storage storage = {}) {
    write(name, shape, std::span<const T>(values), storage);
  }

  // Strings are UTF-8 of variable length, as in attributes.
  void write_strings(std::string_view name, const std::vector<std::string>& values);

  // The same in two steps, for data that does not fit into memory. Rows are those of the first dimension. Write whole
  // chunks to be efficient.
  template <typename T>
  void create_dataset(std::string_view name, const Hdf5Shape& shape, Hdf5Storage storage);
  template <typename T>
  void write_rows(std::string_view name, std::int64_t first, std::span<const T> values);
  // Keeps the first `rows` rows of a chunked data set, which has at least as many.
  void keep_rows(std::string_view name, std::int64_t rows);

  // Flushes, closes, syncs and renames. Nothing may be written afterwards.
  void commit();

  struct Impl;  // of no concern to users

 private:
  std::unique_ptr<Impl> impl_;
};

}  // namespace cascadecl
