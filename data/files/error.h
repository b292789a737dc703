#pragma once
#include <stdexcept>
#include <string>

namespace cascadecl {

// The base of everything that this library throws. what() is one line that names what and where. The command line maps
// the type to its exit status in one place (cli/main.cpp): UsageError 2, DeviceNotFoundError 3, FileError 4,
// MeasurementError 5, all others 1.
struct Error : std::runtime_error {
  using std::runtime_error::runtime_error;
};

// A wrong flag, name or setting. The caller can mend it by calling differently.
struct UsageError : Error {
  using Error::Error;
};

// The named device does not exist or cannot be used; the text lists those that can.
struct DeviceNotFoundError : Error {
  using Error::Error;
};

// An input file is missing, truncated, foreign or holds unusable values. Names file, field and what was expected.
struct FileError : Error {
  using Error::Error;
};

// A result could not be written (full disk, no permission). The old file is untouched.
struct OutputError : Error {
  using Error::Error;
};

// Tensors or layers whose shapes do not fit each other. Names the operation or layer and both shapes.
struct ShapeError : Error {
  using Error::Error;
};

// An OpenCL or CLBlast call failed. Names the call, kernel, device and sizes; a build error carries the whole log.
struct DeviceError : Error {
  using Error::Error;
};

// A device has not answered in time. A thread may still wait for it: see threads_left_behind() of time_limit.h.
struct DeviceHangError : DeviceError {
  using DeviceError::DeviceError;
};

// Training cannot go on: loss not finite.
struct TrainingError : Error {
  using Error::Error;
};

// A server cannot be reached, refuses or breaks off. Names the URL.
struct DownloadError : Error {
  using Error::Error;
};

// A quantity that was demanded cannot be measured here (energy without a counter).
struct MeasurementError : Error {
  using Error::Error;
};

}  // namespace cascadecl
