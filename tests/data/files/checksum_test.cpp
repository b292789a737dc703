#include "data/files/checksum.h"

#include <doctest/doctest.h>

#include "data/files/error.h"
#include "tests/support/temporary_folder.h"

using namespace cascadecl;

// Test vectors of RFC 1321 and FIPS 180.
TEST_CASE("checksums of files are those that the standards give") {
  const TemporaryFolder folder;
  write_text(folder / "empty", "");
  write_text(folder / "abc", "abc");
  CHECK(checksum_of(folder / "empty", ChecksumKind::md5) == "d41d8cd98f00b204e9800998ecf8427e");
  CHECK(checksum_of(folder / "abc", ChecksumKind::md5) == "900150983cd24fb0d6963f7d28e17f72");
  CHECK(checksum_of(folder / "abc", ChecksumKind::sha256) ==
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  write_text(folder / "long", std::string(3'000'000, 'a'));  // more than is read at once
  write_text(folder / "other", std::string(2'999'999, 'a') + "b");
  CHECK(checksum_of(folder / "long", ChecksumKind::md5) != checksum_of(folder / "other", ChecksumKind::md5));
  CHECK_THROWS_AS(checksum_of(folder / "none", ChecksumKind::md5), FileError);
}

TEST_CASE("a checksum is as many hexadecimal digits as its kind has") {
  CHECK(parse_checksum(ChecksumKind::md5, "D41D8CD98F00B204E9800998ECF8427E").hex ==
        "d41d8cd98f00b204e9800998ecf8427e");
  for (const char* text : {"", "d41d8cd98f00b204e9800998ecf8427", "x41d8cd98f00b204e9800998ecf8427e"})
    CHECK_THROWS_AS(parse_checksum(ChecksumKind::md5, text), UsageError);
  CHECK_THROWS_AS(parse_checksum(ChecksumKind::sha256, "d41d8cd98f00b204e9800998ecf8427e"), UsageError);
}
