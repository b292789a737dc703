#include <doctest/doctest.h>

#include "data/dataset_file.h"
#include "data/files/checksum.h"
#include "tests/cli/fixtures.h"
#include "tests/cli/process.h"
#include "tests/support/local_server.h"
#include "tests/support/python.h"

namespace cascadecl::testing {
namespace {

namespace fs = std::filesystem;

std::string python() { return find_python({}); }

// A folder of three images, one of them broken, and a file that is none.
void write_photos(const TemporaryFolder& folder) {
  for (const char* name : {"cat", "dog"}) {
    fs::create_directories(folder / "photos" / name);
    write_png(folder / "photos" / name / "a.png", 20, 10, 3, random_pixels(600));
  }
  write_text(folder / "photos/dog/b.jpg", "broken");
  write_text(folder / "photos/dog/c.txt", "text");
}

// Makes a small archive like the published one of CIFAR-10 or CIFAR-100: FOLDER/NAME.
void write_archive(const fs::path& folder, const std::string& name, const std::string& files) {
  run_python(python(), folder, R"(
import io, tarfile
def record(*label): return bytes(label) + bytes([label[-1]]) * 3072
def names(count): return ''.join(f'class{i}\n' for i in range(count)).encode()
cifar10 = {f'data_batch_{k}.bin': record(k) for k in range(1, 6)}
cifar10 |= {'test_batch.bin': record(9), 'batches.meta.txt': names(10), 'readme.html': b'<p>'}
cifar100 = {'train.bin': record(3, 42), 'test.bin': record(19, 99)}
cifar100 |= {'fine_label_names.txt': names(100), 'coarse_label_names.txt': names(20)}
files = )" + files + R"(
with tarfile.open(')" + name + R"(', 'w:gz') as archive:
    for path, content in files.items():
        entry = tarfile.TarInfo(path if '/' in path else 'cifar-batches-bin/' + path)
        entry.size = len(content)
        archive.addfile(entry, io.BytesIO(content))
)");
}

struct FetchWorld {
  FetchWorld() : server(python()) {}
  Finished fetch(const std::string& dataset, const std::string& fault, const std::vector<std::string>& more = {}) {
    std::vector<std::string> arguments = {
        "data", "fetch", dataset, "-o", out, "--url", server.url(fault, "archive.tar.gz"), "--cache", cache, "--json"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return cascadecl_run(arguments);
  }
  std::vector<std::string> sha256() const {
    return {"--sha256", checksum_of(server.folder() / "archive.tar.gz", ChecksumKind::sha256)};
  }
  std::string rest_of_archive() const {
    return "bytes=" + std::to_string(fs::file_size(server.folder() / "archive.tar.gz") / 2) + "-";
  }
  LocalServer server;
  TemporaryFolder folder;
  const std::string out = (folder / "out.h5").string(), cache = (folder / "cache").string();
};

}  // namespace

TEST_CASE("data import folder resizes, skips broken images and lists them") {
  const TemporaryFolder folder;
  write_photos(folder);
  const std::string source = (folder / "photos").string(), out = (folder / "out.h5").string();
  const Finished run = cascadecl_run({"data", "import", "folder", source, "-o", out, "--size", "1x6x8", "--json"});
  REQUIRE(run.status == 0);
  CHECK(run.err.empty());
  const nlohmann::json result = run.json();
  CHECK(result["image_shape"] == nlohmann::json({1, 6, 8}));
  CHECK(result["label_names"] == nlohmann::json({"cat", "dog"}));
  CHECK(result["images"] == 2);
  CHECK(result["skipped_images"] == 1);
  CHECK(result["ignored_files"] == 1);
  REQUIRE(result["skipped"].size() == 1);
  CHECK(result["skipped"][0]["file"] == source + "/dog/b.jpg");
  CHECK(contains(result["skipped"][0]["problem"], "is none of PNG, JPEG"));
  CHECK(open_dataset(out, "train")->size() == 2);
  const Finished text = cascadecl_run({"data", "import", "folder", source, "-o", out});
  REQUIRE(text.status == 0);
  CHECK(contains(text.out, "skipped 1 broken images:\n  " + source + "/dog/b.jpg: "));
  CHECK(contains(text.out, "3x32x32"));
}

TEST_CASE("data import folder --strict refuses a broken image, and writes nothing") {
  const TemporaryFolder folder;
  write_photos(folder);
  const std::string source = (folder / "photos").string(), out = (folder / "out.h5").string();
  CHECK(error_fault(cascadecl_run({"data", "import", "folder", source, "-o", out, "--strict"}), 4, "dog/b.jpg") == "");
  CHECK(error_fault(cascadecl_run({"data", "import", "imagenet32", source, "-o", out}), 4, "train_data_batch_1") == "");
  CHECK_FALSE(fs::exists(out));
}

TEST_CASE("data import folder asks for the layout where it cannot be told, and tells a split without labels") {
  const TemporaryFolder folder;
  for (const char* name :
       {"nested/bus/day", "nested/train/day", "contest/train/cat", "contest/train/dog", "contest/test"}) {
    fs::create_directories(folder / name);
    write_png(folder / name / "a.png", 8, 8, 3, random_pixels(192));
  }
  const std::string out = (folder / "out.h5").string();
  const auto imported = [&](const std::string& source, const std::string& layout) {
    return cascadecl_run(
        {"data", "import", "folder", (folder / source).string(), "-o", out, "--layout", layout, "--json"});
  };
  CHECK(error_fault(imported("nested", "auto"), 4, "'train' may be a split, but 'bus' is the name of none") == "");
  const Finished nested = imported("nested", "classes");
  REQUIRE(nested.status == 0);
  CHECK(nested.json()["label_names"] == nlohmann::json({"bus", "train"}));
  const Finished contest = imported("contest", "auto");
  REQUIRE(contest.status == 0);
  CHECK(contest.json()["unlabelled_splits"] == nlohmann::json({"test"}));
}

TEST_CASE("data import tells what became of the images, what was left out, and how to get a split test") {
  const TemporaryFolder folder;
  write_photos(folder);
  write_png(folder / "photos/cat/b.png", 20, 10, 3, random_pixels(600));
  write_text(folder / "photos/cat/.DS_Store", "x");
  fs::create_symlink("/nowhere/x.png", folder / "photos/cat/broken.png");
  const std::string source = (folder / "photos").string(), out = (folder / "o ut.h5").string();
  const Finished run = cascadecl_run({"data", "import", "folder", source, "-o", out});
  REQUIRE(run.status == 0);
  CHECK(contains(run.out, "skipped 2 broken images:\n  " + source + "/cat/broken.png"));
  CHECK(contains(run.out, "left out 1 files that are not called as images are:\n  " + source + "/dog/c.txt"));
  CHECK(contains(run.out, "left out 1 hidden files and folders:\n  " + source + "/cat/.DS_Store"));
  CHECK(contains(run.out, "note: images became 3x32x32 (channels, rows, columns); --size CxHxW chooses another"));
  CHECK(contains(run.out, "cascadecl data import folder " + source + " -o '" + out + "' --test-share 0.2"));
  const Finished divided = cascadecl_run({"data", "import", "folder", source, "-o", out, "--size", "3x8x8",
                                          "--test-share", "0.5", "--seed", "7", "--json"});
  REQUIRE(divided.status == 0);
  CHECK(divided.json()["splits"].size() == 2);
  CHECK(divided.json()["notes"].empty());
  CHECK(divided.json()["left_out"]["hidden"][0] == source + "/cat/.DS_Store");
  CHECK(error_fault(cascadecl_run({"data", "import", "folder", source, "-o", out, "--strict"}), 4, "broken.png") == "");
  CHECK(error_fault(cascadecl_run({"data", "import", "folder", source, "-o", out, "--seed", "7"}), 2, "--test-share") ==
        "");
}

TEST_CASE("data import csv, idx and npz make dataset files, and a bad input leaves none") {
  if (!there_is(python())) return;
  const TemporaryFolder folder;
  write_photos(folder);
  write_text(folder / "list.csv", "file,label,split\nphotos/cat/a.png,cat,train\nphotos/dog/a.png,dog,test\n");
  write_text(folder / "names.txt", "zero\none\n");
  run_python(python(), folder.path(), R"(
import gzip, io, os, struct, zipfile
os.makedirs('digits')
with gzip.open('digits/train-images-idx3-ubyte.gz', 'wb') as f: f.write(struct.pack('>IIII', 0x803, 2, 4, 4) + bytes(32))
with gzip.open('digits/train-labels-idx1-ubyte.gz', 'wb') as f: f.write(struct.pack('>II', 0x801, 2) + bytes([0, 1]))
def npy(shape, data):
    head = f"{{'descr': '|u1', 'fortran_order': False, 'shape': {shape}, }}\n".encode()
    return b'\x93NUMPY\x01\x00' + struct.pack('<H', len(head)) + head + data
with zipfile.ZipFile('x.npz', 'w') as archive:
    archive.writestr('images.npy', npy((2, 4, 4), bytes(32)))
    archive.writestr('labels.npy', npy((2,), bytes([0, 1])))
)");
  const std::string out = (folder / "out.h5").string();
  const auto import = [&](std::vector<std::string> words) {
    words.insert(words.begin(), {"data", "import"});
    words[3] = (folder / words[3]).string();
    words.insert(words.end(), {"-o", out});
    return cascadecl_run(words);
  };
  CHECK(error_fault(import({"csv", "names.txt"}), 4, "names.txt: line 1: 'zero' is no file") == "");
  CHECK(error_fault(import({"npz", "list.csv"}), 4, "list.csv: ") == "");
  CHECK(error_fault(import({"idx", "photos"}), 4, "photos: no file train-images-idx3-ubyte") == "");
  CHECK(error_fault(import({"cifar10", "list.csv"}), 4, "list.csv: ") == "");
  CHECK_FALSE(fs::exists(out));

  const Finished csv = import({"csv", "list.csv", "--size", "3x8x8", "--json"});
  CAPTURE(csv.err);
  REQUIRE(csv.status == 0);
  CHECK(csv.json()["splits"].size() == 2);
  const std::string names = (folder / "names.txt").string();
  for (const auto& [format, source] : {std::pair<std::string, std::string>{"idx", "digits"}, {"npz", "x.npz"}}) {
    const Finished run = import({format, source, "--names", names, "--json"});
    CAPTURE(run.err);
    REQUIRE(run.status == 0);
    CHECK(run.json()["label_names"] == nlohmann::json({"zero", "one"}));
    CHECK(run.json()["image_shape"] == nlohmann::json({1, 4, 4}));
    CHECK(run.json()["notes"].size() == 1);
  }
}

TEST_CASE("flags of one format are wrong usage with another") {
  for (const std::vector<std::string>& flags : {std::vector<std::string>{"--labels", "coarse"},
                                                {"--strict"},
                                                {"--layout", "splits"},
                                                {"--size", "3x8x8"},
                                                {"--names", "x"},
                                                {"--test-share", "0.1"}}) {
    std::vector<std::string> arguments = {"data", "import", "imagenet32", "x", "-o", "y"};
    arguments.insert(arguments.end(), flags.begin(), flags.end());
    CHECK(error_fault(cascadecl_run(arguments), 2, flags[0]) == "");
  }
  CHECK(error_fault(cascadecl_run({"data", "import", "folder", "x", "-o", "y", "--size", "32"}), 2, "--size") == "");
  CHECK(error_fault(cascadecl_run({"data", "import", "folder", "x", "-o", "y", "--size", "2x8x8"}), 2, "2x8x8") == "");
  CHECK(error_fault(cascadecl_run({"data", "fetch", "mnist", "-o", "y"}), 2, "'mnist'") == "");
  CHECK(error_fault(cascadecl_run({"data", "fetch", "cifar10", "-o", "y", "--labels", "fine"}), 2, "--labels") == "");
  CHECK(error_fault(cascadecl_run({"data", "fetch", "cifar10", "-o", "y", "--md5", "12"}), 2, "'12'") == "");
}

TEST_CASE("data fetch downloads an archive, imports it and keeps it") {
  if (!there_is(python())) return;
  FetchWorld world;
  write_archive(world.server.folder().path(), "archive.tar.gz", "cifar10");
  for (int i = 0; i < 2; ++i) {
    const Finished run = world.fetch("cifar10", "cut", world.sha256());
    CAPTURE(run.err);
    REQUIRE(run.status == 0);
    CHECK(run.json()["name"] == "CIFAR-10");
    CHECK(run.json()["splits"].size() == 2);
    CHECK(open_dataset(world.out, "train")->labels()[4] == 5);
  }
  // Both are of the first run: the second finds the archive in the cache.
  CHECK(world.server.requests() == "/cut/archive.tar.gz -\n/cut/archive.tar.gz " + world.rest_of_archive() + "\n");
  CHECK(std::distance(fs::directory_iterator(world.cache), {}) == 1);
}

TEST_CASE("data fetch takes CIFAR-100 with fine or coarse labels") {
  if (!there_is(python())) return;
  FetchWorld world;
  write_archive(world.server.folder().path(), "archive.tar.gz", "cifar100");
  const std::string md5 = checksum_of(world.server.folder() / "archive.tar.gz", ChecksumKind::md5);
  REQUIRE(world.fetch("cifar100", "plain", {"--md5", md5}).status == 0);
  CHECK(open_dataset(world.out, "test")->labels()[0] == 99);
  REQUIRE(world.fetch("cifar100", "plain", {"--md5", md5, "--labels", "coarse"}).status == 0);
  CHECK(open_dataset(world.out, "test")->labels()[0] == 19);
}

TEST_CASE("data fetch refuses what is not the published archive, and leaves the old file") {
  if (!there_is(python())) return;
  FetchWorld world;
  write_text(world.out, "old");
  write_archive(world.server.folder().path(), "archive.tar.gz", "cifar10");
  CHECK(error_fault(world.fetch("cifar10", "plain"), 4, "expected c32a1d4ab5d03f1284b67883e8d87530") == "");
  CHECK(error_fault(world.fetch("cifar10", "wrong", world.sha256()), 4, "SHA-256") == "");
  CHECK(error_fault(world.fetch("cifar10", "missing", world.sha256()), 1, "status 404") == "");
  CHECK(error_fault(world.fetch("cifar100", "plain", world.sha256()), 4, "holds no coarse_label_names.txt") == "");
  write_text(world.server.folder() / "archive.tar.gz", "no archive");
  CHECK(error_fault(world.fetch("cifar10", "plain", world.sha256()), 4, ".tar.gz: ") == "");
  CHECK(read_text(world.out) == "old");
}

TEST_CASE("names in an archive do not lead out of the folder it is unpacked in") {
  if (!there_is(python())) return;
  FetchWorld world;
  write_archive(world.server.folder().path(), "archive.tar.gz",
                "{'../../../escaped.bin': b'x', '/tmp/../escaped.bin': b'x'} | "
                "{'../../' + name: content for name, content in cifar10.items()}");
  const auto before = world.folder.entries();
  REQUIRE(world.fetch("cifar10", "plain", world.sha256()).status == 0);
  CHECK(world.folder.entries() == before + 2);  // out.h5 and the cache
  CHECK(std::distance(fs::directory_iterator(world.cache), {}) == 1);
}

TEST_CASE("data fetch tells that the target cannot be written before it asks a server") {
  if (!there_is(python())) return;
  FetchWorld world;
  const std::string nowhere = (world.folder / "no/such/out.h5").string();
  CHECK(error_fault(cascadecl_run({"data", "fetch", "cifar10", "-o", nowhere, "--url", world.server.url("plain", "x"),
                                   "--cache", world.cache}),
                    1, nowhere) == "");
  CHECK_FALSE(fs::exists(world.server.folder() / "requests"));
}

}  // namespace cascadecl::testing
