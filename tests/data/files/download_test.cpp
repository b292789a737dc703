#include "data/files/download.h"

#include <doctest/doctest.h>

#include "data/files/error.h"
#include "data/files/part_file.h"
#include "tests/support/full_disk.h"
#include "tests/support/local_server.h"
#include "tests/support/python.h"

using namespace cascadecl;
namespace fs = std::filesystem;

namespace {

std::string python() { return find_python({}); }

// A server with the file a.bin of 100,000 bytes, and a folder for what is downloaded.
struct World {
  World() : server(python()) {
    for (int i = 0; i < 100'000; ++i) content += static_cast<char>(i * 7919 >> 4);
    write_text(server.folder() / "a.bin", content);
    checksum = {ChecksumKind::sha256, checksum_of(server.folder() / "a.bin", ChecksumKind::sha256)};
    settings.pause = std::chrono::milliseconds(1);
    settings.attempts = 3;
  }
  void get(const std::string& fault) { download(server.url(fault, "a.bin"), target, checksum, settings); }
  std::string error(const std::string& fault) {
    return error_of<DownloadError>([&] { get(fault); });
  }
  bool has_whole() const { return read_text(target) == content && !fs::exists(part()); }
  fs::path part() const { return target.string() + ".part"; }

  LocalServer server;
  TemporaryFolder folder;
  std::string content;
  Checksum checksum;
  DownloadSettings settings;
  const fs::path target = folder / "cache/deep/a.bin";
};

}  // namespace

TEST_CASE("a file is downloaded to a new folder, and once only") {
  if (!there_is(python())) return;
  World world;
  std::vector<std::int64_t> done;
  world.settings.progress = [&](std::int64_t bytes, std::int64_t total) {
    CHECK(total == 100'000);
    done.push_back(bytes);
  };
  world.get("plain");
  CHECK(world.has_whole());
  REQUIRE_FALSE(done.empty());
  CHECK(done.back() == 100'000);
  world.get("plain");
  CHECK(world.server.requests() == "/plain/a.bin -\n");
}

TEST_CASE("a file in the cache that is another is replaced") {
  if (!there_is(python())) return;
  World world;
  fs::create_directories(world.target.parent_path());
  write_text(world.target, "another");
  world.get("redirect");
  CHECK(world.has_whole());
}

TEST_CASE("a download that breaks off goes on where it was") {
  if (!there_is(python())) return;
  World world;
  world.get("cut");
  CHECK(world.has_whole());
  CHECK(world.server.requests() == "/cut/a.bin -\n/cut/a.bin bytes=50000-\n");
}

TEST_CASE("what an earlier run left is completed, or begun anew where the server knows no ranges") {
  if (!there_is(python())) return;
  for (const std::string fault : {"plain", "no-range"}) {
    CAPTURE(fault);
    World world;
    fs::create_directories(world.target.parent_path());
    write_text(world.part(), world.content.substr(0, 1234));
    world.get(fault);
    CHECK(world.has_whole());
    CHECK(world.server.requests() == "/" + fault + "/a.bin bytes=1234-\n");
  }
}

TEST_CASE("a whole download that was not yet checked needs no server") {
  if (!there_is(python())) return;
  World world;
  fs::create_directories(world.target.parent_path());
  write_text(world.part(), world.content);
  world.get("missing");
  CHECK(world.has_whole());
  CHECK_FALSE(fs::exists(world.server.folder() / "requests"));
}

TEST_CASE("a left part that is wrong, or too long, is downloaded anew") {
  if (!there_is(python())) return;
  for (const std::string& left : {std::string(500, 'x'), std::string(200'000, 'x'), std::string(100'000, 'x')}) {
    CAPTURE(left.size());
    World world;
    fs::create_directories(world.target.parent_path());
    write_text(world.part(), left);
    world.get("plain");
    CHECK(world.has_whole());
  }
}

TEST_CASE("wrong bytes are refused with both checksums, and nothing is left") {
  if (!there_is(python())) return;
  World world;
  const std::string error = error_of<FileError>([&] { world.get("wrong"); });
  CHECK(contains(error, "/wrong/a.bin: has SHA-256 "));
  CHECK(contains(error, "expected " + world.checksum.hex));
  CHECK_FALSE(fs::exists(world.target));
  CHECK_FALSE(fs::exists(world.part()));
  CHECK(world.server.requests() == "/wrong/a.bin -\n");
}

TEST_CASE("a server that refuses is named with its status") {
  if (!there_is(python())) return;
  World world;
  CHECK(contains(world.error("missing"), "/missing/a.bin: the server answers with status 404"));
  CHECK(world.server.requests() == "/missing/a.bin -\n");
  CHECK(contains(world.error("broken"), "status 503"));
  CHECK_FALSE(fs::exists(world.target));
  world.get("busy");  // at first only
  CHECK(world.has_whole());
}

TEST_CASE("a server that always breaks off is given up, and what has come is kept") {
  if (!there_is(python())) return;
  World world;
  CHECK(contains(world.error("always-cut"), "; 50000 bytes so far are kept"));
  CHECK(fs::file_size(world.part()) == 50'000);
  CHECK(contains(world.error("no-range-cut"), "no-range-cut"));
  CHECK_FALSE(fs::exists(world.target));
  world.get("plain");
  CHECK(world.has_whole());
}

TEST_CASE("another part than the one wanted is not taken") {
  if (!there_is(python())) return;
  World world;
  CHECK(contains(world.error("other-part"), "another part than 'bytes 50000-'"));
  CHECK_FALSE(fs::exists(world.target));
}

TEST_CASE("too large files, other protocols and dead addresses are errors") {
  if (!there_is(python())) return;
  World world;
  world.settings.most_bytes = 1'000'000;
  CHECK(contains(error_of<FileError>([&] { world.get("endless"); }), "more than 1000000 bytes"));
  CHECK(world.error("to-file") != "");
  const auto error_at = [&](const std::string& url) {
    return error_of<DownloadError>([&] { download(url, world.target, world.checksum, world.settings); });
  };
  fs::remove(world.part());
  CHECK(contains(error_at("file:///etc/hostname"), "file:///etc/hostname: "));
  CHECK(contains(error_at("no url at all"), "no url at all: "));
  CHECK(contains(error_at("http://127.0.0.1:1/a.bin"), "http://127.0.0.1:1/a.bin: "));
  CHECK_FALSE(fs::exists(world.target));
}

TEST_CASE("a full disk and a folder that cannot be made are output errors") {
  if (!there_is(python())) return;
  World world;
  {
    const FullDisk full(10'000);
    CHECK_THROWS_AS(world.get("plain"), OutputError);
  }
  CHECK_FALSE(fs::exists(world.target));
  world.get("plain");
  CHECK(world.has_whole());
  write_text(world.folder / "file", "");
  CHECK_THROWS_AS(download(world.server.url("plain", "a.bin"), world.folder / "file/a.bin", world.checksum),
                  OutputError);
}

TEST_CASE("two downloads of one file do not write into each other") {
  if (!there_is(python())) return;
  World world;
  fs::create_directories(world.target.parent_path());
  const PartFile held(world.target);
  CHECK(contains(world.error("plain"), "another process is downloading it"));
}
