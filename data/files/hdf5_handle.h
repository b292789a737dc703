#pragma once
// Private to hdf5_reader.cpp and hdf5_writer.cpp: the C interface of HDF5 with ownership and a lock. The C++ classes of
// HDF5 are not used, for two reasons: their destructors print to stderr when closing fails, as it does on a full disk,
// and they lack what distrust needs (link types, storage, filters).
#include <hdf5.h>

#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace cascadecl::hdf5 {

// Held while HDF5 is called: one thread at a time, and HDF5 does not print its error stack meanwhile.
class Session {
 public:
  Session();
  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

 private:
  std::unique_lock<std::recursive_mutex> lock_;
  H5E_auto2_t printer_ = nullptr;
  void* printer_data_ = nullptr;
};

// Owns an HDF5 identifier. Closing errors are ignored in the destructor; close() reports them.
class Handle {
 public:
  using Closer = herr_t (*)(hid_t);
  Handle() = default;
  Handle(hid_t id, Closer closer) : id_(id), closer_(closer) {}
  ~Handle() { close(); }
  Handle(Handle&& other) noexcept : id_(std::exchange(other.id_, -1)), closer_(other.closer_) {}
  Handle& operator=(Handle&& other) noexcept {
    std::swap(id_, other.id_);
    std::swap(closer_, other.closer_);
    return *this;
  }
  hid_t get() const { return id_; }
  bool valid() const { return id_ >= 0; }
  bool close() {  // false if HDF5 could not
    if (id_ < 0) return true;
    return closer_(std::exchange(id_, -1)) >= 0;
  }

 private:
  hid_t id_ = -1;
  Closer closer_ = nullptr;
};

// A property list by which HDF5 notes no times in what it creates: the same content gives the same bytes.
Handle timeless(hid_t creation_class);

// The innermost entry of HDF5's error stack in a few words ("No space left on device"), or "" if there is none.
std::string last_error();

// "/a/b/c" as {"a", "b", "c"}; "/" as {}.
std::vector<std::string> components(std::string_view path);

// The parent's path and the last name: "/a/b" as ("/a", "b"); "/a" as ("/", "a").
std::pair<std::string, std::string> split_path(std::string_view path);

// HDF5's in-memory type of a C++ type, and our name for it ("float32").
template <typename T>
hid_t memory_type();
template <typename T>
const char* type_name();

}  // namespace cascadecl::hdf5
