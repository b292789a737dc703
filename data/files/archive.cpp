#include "data/files/archive.h"

#include <archive.h>
#include <archive_entry.h>
#include <fmt/format.h>

#include <utility>

#include "data/files/byte_reader.h"
#include "data/files/error.h"

namespace cascadecl {
namespace {

constexpr std::size_t block_bytes = 1 << 16;

}  // namespace

struct Archive::Impl {
  std::unique_ptr<::archive, int (*)(::archive*)> handle{archive_read_new(), archive_read_free};
  std::string problem() const {
    const char* text = archive_error_string(handle.get());
    return text ? printable(text) : "damaged";
  }
};

Archive::Archive(std::filesystem::path path, Format format)
    : format_(format), path_(std::move(path)), impl_(std::make_unique<Impl>()) {
  ByteReader check(path_);  // says what is wrong with a file that cannot be opened
  ::archive* handle = impl_->handle.get();
  if (format == Format::zip) {
    archive_read_support_format_zip_seekable(handle);
  } else {
    if (format == Format::gz) {
      archive_read_support_format_raw(handle);
      archive_read_support_format_empty(handle);
    } else {
      archive_read_support_format_tar(handle);
    }
    archive_read_support_filter_gzip(handle);
  }
  if (archive_read_open_filename(handle, path_.c_str(), block_bytes) != ARCHIVE_OK) fail(impl_->problem());
}

Archive::~Archive() = default;

bool Archive::next() {
  name_.clear();
  for (;;) {
    archive_entry* entry = nullptr;
    const int result = archive_read_next_header(impl_->handle.get(), &entry);
    if (result == ARCHIVE_EOF) return false;
    if (result != ARCHIVE_OK) fail(impl_->problem());
    if (format_ == Format::gz) return true;
    const char* name = archive_entry_pathname(entry);
    if (!name) fail("a file without a name");
    if (archive_entry_filetype(entry) != AE_IFREG || archive_entry_hardlink(entry)) continue;
    name_ = name;
    return true;
  }
}

std::size_t Archive::read(std::span<std::uint8_t> out) {
  std::size_t filled = 0;
  while (filled < out.size()) {
    const la_ssize_t count = archive_read_data(impl_->handle.get(), out.data() + filled, out.size() - filled);
    if (count < 0) fail(impl_->problem());
    if (count == 0) break;
    filled += static_cast<std::size_t>(count);
  }
  return filled;
}

void Archive::read_exactly(std::span<std::uint8_t> out) {
  if (read(out) != out.size()) fail("ends too early");
}

void Archive::expect_end() {
  std::uint8_t more = 0;
  if (read({&more, 1}) != 0) fail("holds more than its shape tells");
}

void Archive::fail(const std::string& problem) const {
  if (name_.empty()) throw FileError(fmt::format("{}: {}", path_.string(), problem));
  throw FileError(fmt::format("{}: {}: {}", path_.string(), printable(name_), problem));
}

}  // namespace cascadecl
