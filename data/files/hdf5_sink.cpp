#include "data/files/hdf5_sink.h"

#include <fcntl.h>
#include <unistd.h>

#if __has_include(<H5FDdevelop.h>)
#include <H5FDdevelop.h>  // HDF5 1.14 moved the driver interface there
#endif

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace cascadecl::hdf5 {
namespace {

// HDF5's view of an open sink. HDF5 sees a pointer to the first member.
struct OpenFile {
  H5FD_t common;
  Sink* sink;
  haddr_t allocated;  // end of what HDF5 has given out
  haddr_t written;    // end of what was written
};

OpenFile& self(H5FD_t* file) { return *reinterpret_cast<OpenFile*>(file); }
const OpenFile& self(const H5FD_t* file) { return *reinterpret_cast<const OpenFile*>(file); }

H5FD_t* open_file(const char*, unsigned flags, hid_t access, haddr_t) {
  const void* info = H5Pget_driver_info(access);
  if (!info) return nullptr;
  Sink* sink = *static_cast<Sink* const*>(info);
  if ((flags & H5F_ACC_TRUNC) != 0) sink->resize(0);
  return &(new OpenFile{.common = {}, .sink = sink, .allocated = 0, .written = 0})->common;
}

herr_t close_file(H5FD_t* file) {
  delete &self(file);
  return 0;
}

herr_t query(const H5FD_t*, unsigned long* flags) {
  *flags = H5FD_FEAT_AGGREGATE_METADATA | H5FD_FEAT_ACCUMULATE_METADATA | H5FD_FEAT_DATA_SIEVE |
           H5FD_FEAT_AGGREGATE_SMALLDATA;
  return 0;
}

haddr_t get_allocated(const H5FD_t* file, H5FD_mem_t) { return self(file).allocated; }

herr_t set_allocated(H5FD_t* file, H5FD_mem_t, haddr_t end) {
  self(file).allocated = end;
  return 0;
}

haddr_t get_end(const H5FD_t* file, H5FD_mem_t) { return self(file).written; }

herr_t read_bytes(H5FD_t* file, H5FD_mem_t, hid_t, haddr_t offset, std::size_t size, void* bytes) {
  self(file).sink->read(offset, bytes, size);
  return 0;
}

herr_t write_bytes(H5FD_t* file, H5FD_mem_t, hid_t, haddr_t offset, std::size_t size, const void* bytes) {
  self(file).sink->write(offset, bytes, size);
  self(file).written = std::max<haddr_t>(self(file).written, offset + size);
  return 0;
}

herr_t truncate_file(H5FD_t* file, hid_t, hbool_t) {
  OpenFile& open = self(file);
  if (open.written != open.allocated) open.sink->resize(open.allocated);
  open.written = open.allocated;
  return 0;
}

H5FD_class_t driver_class() {
  H5FD_class_t driver{};
#ifdef H5FD_CLASS_VERSION
  driver.version = H5FD_CLASS_VERSION;
  driver.value = static_cast<H5FD_class_value_t>(512);  // a number that HDF5 leaves to others
#endif
  driver.name = "cascadecl_sink";
  driver.maxaddr = (haddr_t{1} << 62) - 1;
  driver.fc_degree = H5F_CLOSE_STRONG;
  driver.fapl_size = sizeof(Sink*);  // NOLINT(bugprone-sizeof-expression)
  driver.open = open_file;
  driver.close = close_file;
  driver.query = query;
  driver.get_eoa = get_allocated;
  driver.set_eoa = set_allocated;
  driver.get_eof = get_end;
  driver.read = read_bytes;
  driver.write = write_bytes;
  driver.truncate = truncate_file;
  const H5FD_mem_t kinds[] = H5FD_FLMAP_DICHOTOMY;  // metadata and pixels are kept apart
  std::copy(std::begin(kinds), std::end(kinds), driver.fl_map);
  return driver;
}

}  // namespace

Sink::Sink(const std::filesystem::path& file) : descriptor_(::open(file.c_str(), O_RDWR | O_CLOEXEC)) {
  if (descriptor_ < 0) error_ = errno;
  static const H5FD_class_t driver = driver_class();
  driver_ = Handle(H5FDregister(&driver), H5FDunregister);
}

Sink::~Sink() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

std::string Sink::reason() const { return std::strerror(error_); }

// File format of HDF5 1.8 and later, which keeps large groups and many attributes compact.
Handle Sink::create_file() {
  const Handle access(H5Pcreate(H5P_FILE_ACCESS), H5Pclose);
  Sink* self = this;
  H5Pset_driver(access.get(), driver_.get(), &self);
  H5Pset_libver_bounds(access.get(), H5F_LIBVER_V18, H5F_LIBVER_V18);
  H5Pset_fclose_degree(access.get(), H5F_CLOSE_STRONG);
  const Handle creation = timeless(H5P_FILE_CREATE);
  return Handle(H5Fcreate("cascadecl_sink", H5F_ACC_TRUNC, creation.get(), access.get()), H5Fclose);
}

void Sink::write(std::uint64_t offset, const void* bytes, std::size_t size) {
  const char* next = static_cast<const char*>(bytes);
  while (size > 0 && !failed()) {
    const ssize_t n = ::pwrite(descriptor_, next, size, static_cast<off_t>(offset));
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) {
      error_ = n < 0 ? errno : EIO;
      return;
    }
    next += n;
    offset += static_cast<std::uint64_t>(n);
    size -= static_cast<std::size_t>(n);
  }
}

void Sink::read(std::uint64_t offset, void* bytes, std::size_t size) {
  char* next = static_cast<char*>(bytes);
  while (size > 0) {
    const ssize_t n = failed() ? 0 : ::pread(descriptor_, next, size, static_cast<off_t>(offset));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) error_ = errno;
    if (n <= 0) break;
    next += n;
    offset += static_cast<std::uint64_t>(n);
    size -= static_cast<std::size_t>(n);
  }
  std::fill(next, next + size, '\0');
}

void Sink::resize(std::uint64_t size) {
  if (!failed() && ::ftruncate(descriptor_, static_cast<off_t>(size)) != 0) error_ = errno;
}

}  // namespace cascadecl::hdf5
