#pragma once
#include <cstdint>
#include <filesystem>
#include <span>
#include <string_view>

namespace cascadecl {

// The part of a download that has come so far, TARGET.part, held by one process at a time. The file stays when the
// object goes. All functions throw OutputError if it cannot be written.
class PartFile {
 public:
  // Opens it, or creates it empty. Throws DownloadError if another process holds it.
  explicit PartFile(const std::filesystem::path& target);
  ~PartFile();
  PartFile(const PartFile&) = delete;
  PartFile& operator=(const PartFile&) = delete;

  const std::filesystem::path& path() const { return path_; }
  std::int64_t size() const { return size_; }
  void append(std::span<const char> bytes);
  void clear();
  void remove();
  void become_target();  // synced and renamed; nothing may follow

 private:
  [[noreturn]] void fail(std::string_view what) const;

  std::filesystem::path target_, path_;
  int descriptor_ = -1;
  std::int64_t size_ = 0;
};

}  // namespace cascadecl
