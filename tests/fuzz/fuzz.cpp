// The fuzzer: libFuzzer calls it with any bytes. $FUZZ_TARGET names the reader.
#include <cstdlib>

#include "data/files/hdf5_file.h"
#include "tests/fuzz/targets.h"

extern "C" int LLVMFuzzerInitialize(int*, char***) {
  cascadecl::skip_hdf5_cleanup_at_exit();
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  static const char* target = std::getenv("FUZZ_TARGET");
  cascadecl::fuzz::run(target ? target : "", {bytes, size});
  return 0;
}
