#pragma once
#include <filesystem>
#include <string>
#include <vector>

#include "runtime/cascade/model.h"
#include "tests/support/image_files.h"
#include "tests/support/temporary_folder.h"

namespace cascadecl::testing {

// A folder with a small dataset (8x8 RGB images of 10 classes; 40 to train, 30 to test) and a model of two stages with
// random weights that fits it.
class SmallWorld {
 public:
  SmallWorld();
  std::string data() const { return (folder / "data.h5").string(); }
  std::string model() const { return (folder / "model.h5").string(); }
  std::string path(const std::string& name) const { return (folder / name).string(); }

  TemporaryFolder folder;
};

Model small_model();

// Keeps the first `bytes` bytes of a file.
void truncate_file(const std::filesystem::path& path, std::uintmax_t bytes);

}  // namespace cascadecl::testing
