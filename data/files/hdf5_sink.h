#pragma once
// Private to hdf5_writer.cpp.
#include <filesystem>
#include <string>

#include "data/files/hdf5_handle.h"

namespace cascadecl::hdf5 {

// Where HDF5 writes a new file. HDF5 cannot recover when a write fails (a full disk): it keeps the file open, tries
// again when the process ends, and crashes there. So HDF5 is given this driver, which takes note of the first failure,
// drops all further writes and reports success. Whoever writes looks at failed() after each step.
class Sink {
 public:
  // The file must exist; see failed() for the outcome.
  explicit Sink(const std::filesystem::path& file);
  ~Sink();
  Sink(const Sink&) = delete;
  Sink& operator=(const Sink&) = delete;

  // Creates the HDF5 file; the sink must outlive it.
  Handle create_file();

  bool failed() const { return error_ != 0; }
  std::string reason() const;  // "No space left on device"

  // For the driver. Offsets and sizes are in bytes.
  void write(std::uint64_t offset, const void* bytes, std::size_t size);
  void read(std::uint64_t offset, void* bytes, std::size_t size);  // zeros where nothing was written
  void resize(std::uint64_t size);

 private:
  int descriptor_ = -1;
  int error_ = 0;  // errno of the first failure
  Handle driver_;
};

}  // namespace cascadecl::hdf5
