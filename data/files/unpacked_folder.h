#pragma once
#include <filesystem>
#include <set>
#include <string>

namespace cascadecl {

// Some files of an archive, in a new folder that goes with all its content.
class UnpackedFolder {
 public:
  // Unpacks the files of these names from a .tar.gz, whatever folders they lie in there, into a folder in `parent`. No
  // other name of the archive is ever created, so that none leads out of the folder. Throws FileError if the archive is
  // damaged or a file is larger than 512 MiB, OutputError if one cannot be written.
  UnpackedFolder(const std::filesystem::path& archive, std::set<std::string> names,
                 const std::filesystem::path& parent);
  ~UnpackedFolder();
  UnpackedFolder(const UnpackedFolder&) = delete;
  UnpackedFolder& operator=(const UnpackedFolder&) = delete;

  const std::filesystem::path& path() const { return path_; }
  const std::set<std::string>& missing() const { return missing_; }  // names that the archive does not hold

 private:
  std::filesystem::path path_;
  std::set<std::string> missing_;
};

}  // namespace cascadecl
