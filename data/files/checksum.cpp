#include "data/files/checksum.h"

#include <fmt/format.h>
#include <openssl/evp.h>

#include <algorithm>
#include <memory>
#include <vector>

#include "data/files/byte_reader.h"
#include "data/files/error.h"

namespace cascadecl {
namespace {

constexpr std::int64_t bytes_at_once = 1 << 20;

std::size_t digits(ChecksumKind kind) { return kind == ChecksumKind::md5 ? 32 : 64; }

void check(int result, ChecksumKind kind) {
  if (result != 1) throw Error(fmt::format("{} cannot be computed: OpenSSL refuses it", to_string(kind)));
}

}  // namespace

std::string_view to_string(ChecksumKind kind) { return kind == ChecksumKind::md5 ? "MD5" : "SHA-256"; }

Checksum parse_checksum(ChecksumKind kind, std::string_view hex) {
  Checksum checksum{kind, std::string(hex)};
  for (char& c : checksum.hex)
    if (c >= 'A' && c <= 'F') c = static_cast<char>(c - 'A' + 'a');
  const bool good = checksum.hex.find_first_not_of("0123456789abcdef") == std::string::npos;
  if (!good || hex.size() != digits(kind))
    throw UsageError(
        fmt::format("'{}' is no {} checksum: expected {} hexadecimal digits", hex, to_string(kind), digits(kind)));
  return checksum;
}

std::string checksum_of(const std::filesystem::path& file, ChecksumKind kind) {
  ByteReader reader(file);
  const std::unique_ptr<EVP_MD_CTX, void (*)(EVP_MD_CTX*)> context(EVP_MD_CTX_new(), EVP_MD_CTX_free);
  check(EVP_DigestInit_ex(context.get(), kind == ChecksumKind::md5 ? EVP_md5() : EVP_sha256(), nullptr), kind);
  std::vector<std::uint8_t> piece;
  while (reader.left() > 0) {
    piece.resize(static_cast<std::size_t>(std::min(bytes_at_once, reader.left())));
    reader.read(piece);
    check(EVP_DigestUpdate(context.get(), piece.data(), piece.size()), kind);
  }
  std::uint8_t digest[EVP_MAX_MD_SIZE];
  unsigned length = 0;
  check(EVP_DigestFinal_ex(context.get(), digest, &length), kind);
  std::string hex;
  for (unsigned i = 0; i < length; ++i) hex += fmt::format("{:02x}", digest[i]);
  return hex;
}

}  // namespace cascadecl
