// Runs the readers on the inputs of a corpus: FOLDER/TARGET/*, seeds and what was once a fault. Any compiler builds it.
//   usage: fuzz_replay FOLDER
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <vector>

#include "data/files/hdf5_file.h"
#include "tests/fuzz/targets.h"

int main(int argc, char** argv) try {
  if (argc != 2) return std::fputs("usage: fuzz_replay FOLDER\n", stderr), 2;
  cascadecl::skip_hdf5_cleanup_at_exit();
  int inputs = 0;
  for (const cascadecl::fuzz::Target& target : cascadecl::fuzz::targets()) {
    const auto folder = std::filesystem::path(argv[1]) / target.name;
    if (!std::filesystem::is_directory(folder)) continue;
    for (const auto& entry : std::filesystem::directory_iterator(folder)) {
      std::ifstream file(entry.path(), std::ios::binary);
      const std::vector<char> bytes(std::istreambuf_iterator<char>(file), {});
      std::printf("%s: %s\n", folder.filename().c_str(), entry.path().filename().c_str());
      std::fflush(stdout);
      const auto all = std::span(reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size());
      cascadecl::fuzz::run(target.name, all);
      // Each input cut short, too.
      for (std::size_t keep = 0; keep < all.size(); keep += all.size() / 16 + 1)
        cascadecl::fuzz::run(target.name, all.first(keep));
      ++inputs;
    }
  }
  std::printf("%d inputs\n", inputs);
  return inputs > 0 ? 0 : 1;
} catch (const std::exception& error) {
  std::fprintf(stderr, "fuzz_replay: %s\n", error.what());
  return 1;
}
