#include "data/import/pickle.h"

#include <fmt/format.h>

#include <algorithm>

#include "data/files/error.h"
#include "data/import/pickle_machine.h"

namespace cascadecl {
namespace {

constexpr std::int64_t longest_key = 256;
constexpr std::size_t read_ahead = 1 << 16;

bool is_bytes(PickleKind kind) { return kind == PickleKind::bytes || kind == PickleKind::latin1_bytes; }

bool is_container(PickleKind kind) {
  return kind == PickleKind::tuple || kind == PickleKind::list || kind == PickleKind::dict;
}

}  // namespace

Pickle::Pickle(const std::filesystem::path& path) : path_(path) {
  ByteReader reader(path);
  PickleMachine(reader, *this).run();
}

std::span<const PickleValue> Pickle::items(PickleValue container) const {
  if (!is_container(container.kind)) throw FileError(fmt::format("{}: a list is expected", path_.string()));
  return containers_.at(static_cast<std::size_t>(container.number));
}

std::optional<PickleValue> Pickle::find(PickleValue dict, std::string_view key) const {
  if (dict.kind != PickleKind::dict) throw FileError(fmt::format("{}: a dict is expected", path_.string()));
  const std::span<const PickleValue> all = items(dict);
  ByteReader reader(path_);
  for (std::size_t i = all.size(); i >= 2; i -= 2) {
    const PickleValue candidate = all[i - 2];
    if (candidate.kind != PickleKind::text && !is_bytes(candidate.kind)) continue;
    const Range where = range(candidate);
    if (where.length != static_cast<std::int64_t>(key.size()) || where.length > longest_key) continue;
    reader.seek(where.offset);
    if (reader.text(where.length) == key) return all[i - 1];
  }
  return std::nullopt;
}

const PickleArray& Pickle::array(PickleValue value) const {
  if (value.kind != PickleKind::array) throw FileError(fmt::format("{}: a NumPy array is expected", path_.string()));
  return arrays_.at(static_cast<std::size_t>(value.number));
}

Pickle::Range Pickle::range(PickleValue value) const {
  if (value.kind != PickleKind::text && !is_bytes(value.kind))
    throw FileError(fmt::format("{}: text or bytes are expected", path_.string()));
  return ranges_.at(static_cast<std::size_t>(value.number));
}

PickleBytes::PickleBytes(const Pickle& pickle, PickleValue value)
    : reader_(pickle.path()),
      end_(pickle.range(value).offset + pickle.range(value).length),
      latin1_(value.kind == PickleKind::latin1_bytes) {
  reader_.seek(pickle.range(value).offset);
}

void PickleBytes::read(std::span<std::uint8_t> out) {
  if (latin1_) {
    for (std::uint8_t& byte : out) byte = next_latin1();
    return;
  }
  if (static_cast<std::int64_t>(out.size()) > end_ - reader_.offset())
    reader_.fail(reader_.offset(), fmt::format("{} bytes expected, {} are left", out.size(), end_ - reader_.offset()));
  reader_.read(out);
}

std::uint8_t PickleBytes::next_latin1() {
  if (raw_.size() - used_ < 2 && reader_.offset() < end_) {  // a character has up to two bytes
    raw_.erase(raw_.begin(), raw_.begin() + static_cast<std::ptrdiff_t>(used_));
    used_ = 0;
    const std::size_t kept = raw_.size();
    const auto left = static_cast<std::size_t>(end_ - reader_.offset());
    raw_.resize(kept + std::min(read_ahead, left));
    reader_.read(std::span(raw_).subspan(kept));
  }
  const int byte = cascadecl::next_latin1(raw_, used_);
  if (byte < 0)
    reader_.fail(reader_.offset() - static_cast<std::int64_t>(raw_.size() - used_),
                 used_ == raw_.size() ? "an array with too few bytes" : "bytes that are no characters of Latin-1");
  return static_cast<std::uint8_t>(byte);
}

void PickleBytes::expect_end() const {
  const std::int64_t left = end_ - reader_.offset() + static_cast<std::int64_t>(raw_.size() - used_);
  if (left > 0) reader_.fail(end_ - left, fmt::format("{} bytes more than expected", left));
}

}  // namespace cascadecl
