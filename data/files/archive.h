#pragma once
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>

namespace cascadecl {

// Reads the files in an archive one after the other, without unpacking them. Folders, links and devices are skipped.
// All functions throw FileError naming the archive, and the file in it, if it is missing, damaged (checksums of zip are
// checked), truncated, encrypted or of another format.
class Archive {
 public:
  // gz: a single file that may be compressed by gzip, and has no name.
  enum class Format { zip, tar_gz, gz };

  Archive(std::filesystem::path path, Format format);
  ~Archive();
  Archive(const Archive&) = delete;
  Archive& operator=(const Archive&) = delete;

  // Goes to the next file; false at the end of the archive.
  bool next();
  // The whole name, with folders, of the file that next() went to, as it stands in the archive ("../../x" is possible).
  const std::string& name() const { return name_; }

  // Fills out with the file's next bytes; returns how many, fewer than wanted only at its end.
  std::size_t read(std::span<std::uint8_t> out);

  // Throws FileError if the file at hand has fewer bytes left, or more than none.
  void read_exactly(std::span<std::uint8_t> out);
  void expect_end();

  // The error for a problem with the file at hand: "ARCHIVE: NAME: problem".
  [[noreturn]] void fail(const std::string& problem) const;

 private:
  struct Impl;
  Format format_;
  std::filesystem::path path_;
  std::string name_;
  std::unique_ptr<Impl> impl_;
};

}  // namespace cascadecl
