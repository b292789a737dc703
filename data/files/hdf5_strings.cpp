#include "data/files/hdf5_strings.h"

#include <fmt/format.h>

#include <cstring>
#include <fstream>
#include <limits>
#include <map>
#include <optional>

#include "data/files/error.h"

namespace cascadecl::hdf5 {
namespace {

// Numbers below are of the HDF5 File Format Specification 3.0, sections III.E (global heap) and IV.A.2.d (variable-
// length strings). All are little-endian.
constexpr std::size_t descriptor_bytes = 16;     // length 4, heap's address 8, object's index 4
constexpr std::size_t heap_header_bytes = 16;    // "GCOL", version 1, reserved 3, size of the collection 8
constexpr std::size_t object_header_bytes = 16;  // index 2, references 2, reserved 4, size 8
constexpr std::uint64_t most_heap_bytes = std::uint64_t{64} << 20;

template <class T>
T little_endian(const unsigned char* bytes) {
  T value = 0;
  for (std::size_t i = 0; i < sizeof(T); ++i) value |= static_cast<T>(bytes[i]) << (8 * i);
  return value;
}

// HDF5 hands over the descriptors as they lie in the file, if it is given a conversion of strings to opaque values that
// does nothing.
herr_t keep_descriptors(hid_t source, hid_t, H5T_cdata_t* conversion, std::size_t, std::size_t, std::size_t, void*,
                        void*, hid_t) {
  if (conversion->command != H5T_CONV_INIT) return 0;
  conversion->need_bkg = H5T_BKG_NO;
  return H5Tis_variable_str(source) > 0 && H5Tget_size(source) == descriptor_bytes ? 0 : -1;
}

std::vector<unsigned char> read_descriptors(const Handle& attribute, std::size_t count) {
  const Handle file_type(H5Aget_type(attribute.get()), H5Tclose);
  const Handle opaque(H5Tcreate(H5T_OPAQUE, descriptor_bytes), H5Tclose);
  static const bool registered = [&] {
    return H5Tregister(H5T_PERS_SOFT, "descriptors", file_type.get(), opaque.get(), keep_descriptors) >= 0;
  }();
  std::vector<unsigned char> bytes(count * descriptor_bytes);
  if (!registered || H5Aread(attribute.get(), opaque.get(), bytes.data()) < 0)
    throw FileError(fmt::format("strings cannot be read: {}", last_error()));
  return bytes;
}

// The heaps of a file, each read once.
class Heaps {
 public:
  Heaps(const Handle& file, const std::filesystem::path& path) : file_(path, std::ios::binary) {
    std::error_code error;
    const Handle creation(H5Fget_create_plist(file.get()), H5Pclose);
    hsize_t user_block = 0;
    std::size_t address_bytes = 0, length_bytes = 0;
    H5Pget_userblock(creation.get(), &user_block);
    H5Pget_sizes(creation.get(), &address_bytes, &length_bytes);
    if (address_bytes != 8 || length_bytes != 8)
      throw FileError(fmt::format("addresses of {} bytes, expected 8", address_bytes));
    base_ = user_block;
    bytes_ = std::filesystem::file_size(path, error);
    if (error || !file_) throw FileError("cannot be read");
  }

  std::string string(std::uint64_t address, std::uint32_t index, std::uint32_t length) {
    const std::vector<unsigned char>& heap = at(address);
    for (std::size_t place = heap_header_bytes; place + object_header_bytes <= heap.size();) {
      const auto found = little_endian<std::uint16_t>(heap.data() + place);
      const auto size = little_endian<std::uint64_t>(heap.data() + place + 8);
      if (found == 0) break;  // the free space, which is the last
      const std::size_t begin = place + object_header_bytes;
      if (size > heap.size() - begin)
        throw FileError(fmt::format("object {} of the heap at {} claims {} bytes, where {} are left", found, address,
                                    size, heap.size() - begin));
      if (found == index) {
        if (length > size) throw FileError(fmt::format("has {} bytes, its object in the heap {}", length, size));
        const std::string text(reinterpret_cast<const char*>(heap.data() + begin), length);
        return text.substr(0, text.find('\0'));
      }
      place = begin + static_cast<std::size_t>((size + 7) / 8 * 8);
    }
    throw FileError(fmt::format("object {} is missing in the heap at {}", index, address));
  }

 private:
  const std::vector<unsigned char>& at(std::uint64_t address) {
    const auto known = heaps_.find(address);
    if (known != heaps_.end()) return known->second;
    std::vector<unsigned char> header = read(address, heap_header_bytes);
    const auto size = little_endian<std::uint64_t>(header.data() + 8);
    if (std::memcmp(header.data(), "GCOL\1", 5) != 0 || size < heap_header_bytes || size > most_heap_bytes)
      throw FileError(fmt::format("no heap of strings at {}", address));
    return heaps_.emplace(address, read(address, size)).first->second;
  }

  std::vector<unsigned char> read(std::uint64_t address, std::uint64_t size) {
    if (base_ > bytes_ || address > bytes_ - base_ || size > bytes_ - base_ - address)
      throw FileError(fmt::format("a heap of strings at {} lies beyond the end of the file", address));
    std::vector<unsigned char> bytes(static_cast<std::size_t>(size));
    file_.clear();
    file_.seekg(static_cast<std::streamoff>(base_ + address));
    if (!file_.read(reinterpret_cast<char*>(bytes.data()), static_cast<std::streamsize>(size)))
      throw FileError("a heap of strings cannot be read");
    return bytes;
  }

  std::ifstream file_;
  std::uint64_t base_ = 0, bytes_ = 0;
  std::map<std::uint64_t, std::vector<unsigned char>> heaps_;
};

}  // namespace

std::vector<std::string> variable_strings(const Handle& file, const std::filesystem::path& path,
                                          const Handle& attribute, std::size_t count) {
  const std::vector<unsigned char> descriptors = read_descriptors(attribute, count);
  Heaps heaps(file, path);
  std::vector<std::string> strings;
  for (std::size_t i = 0; i < count; ++i) {
    const unsigned char* descriptor = descriptors.data() + i * descriptor_bytes;
    const auto length = little_endian<std::uint32_t>(descriptor), index = little_endian<std::uint32_t>(descriptor + 12);
    const auto address = little_endian<std::uint64_t>(descriptor + 4);
    try {
      strings.push_back(length == 0 ? "" : heaps.string(address, index, length));
    } catch (const FileError& error) {
      throw FileError(fmt::format("string {} of {}: {}", i, count, error.what()));
    }
  }
  return strings;
}

}  // namespace cascadecl::hdf5
