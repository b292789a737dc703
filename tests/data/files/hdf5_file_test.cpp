#include "data/files/hdf5_file.h"

#include <doctest/doctest.h>
#include <hdf5.h>
#include <rapidcheck.h>

#include <chrono>
#include <thread>

#include "data/files/error.h"
#include "tests/support/full_disk.h"
#include "tests/support/temporary_folder.h"

using namespace cascadecl;
namespace fs = std::filesystem;

namespace {

[[maybe_unused]] const bool quiet_exit = (skip_hdf5_cleanup_at_exit(), true);  // here damaged files are read

// The error that reading /data as float32 [any] from the file meets.
std::string read_error(const fs::path& file) {
  return error_of<FileError>([&] { Hdf5Reader(file).read<float>("/data", {any_size}); });
}

// A file made with HDF5 itself, for what our writer does not do.
class RawFile {
 public:
  explicit RawFile(const fs::path& path) : id_(H5Fcreate(path.c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT)) {}
  ~RawFile() { H5Fclose(id_); }
  hid_t id() const { return id_; }

  void create(const char* name, std::vector<hsize_t> dims, hid_t type, hid_t properties) {
    const hid_t space = H5Screate_simple(static_cast<int>(dims.size()), dims.data(), nullptr);
    const hid_t dataset = H5Dcreate2(id_, name, type, space, H5P_DEFAULT, properties, H5P_DEFAULT);
    REQUIRE(dataset >= 0);
    H5Dclose(dataset);
    H5Sclose(space);
  }

 private:
  hid_t id_;
};

hid_t chunked(std::vector<hsize_t> chunk) {
  const hid_t properties = H5Pcreate(H5P_DATASET_CREATE);
  H5Pset_chunk(properties, static_cast<int>(chunk.size()), chunk.data());
  return properties;
}

void write_floats(const fs::path& file, const Hdf5Shape& shape, const std::vector<float>& values,
                  Hdf5Storage storage = {}) {
  Hdf5Writer writer(file);
  writer.write("/data", shape, values, storage);
  writer.commit();
}

}  // namespace

TEST_CASE("the same content written at another time gives the same bytes") {
  const TemporaryFolder folder;
  for (const char* name : {"a.h5", "b.h5"}) {
    Hdf5Writer writer(folder / name);
    writer.write_attribute("/", "title", "same");
    writer.create_group("/empty");
    writer.write<float>("/group/data", {2}, std::vector<float>{1, 2});
    writer.commit();
    std::this_thread::sleep_for(std::chrono::milliseconds(1100));  // HDF5 counts seconds
  }
  CHECK(read_text(folder / "a.h5") == read_text(folder / "b.h5"));
}

TEST_CASE("hdf5 files give back the attributes that were written") {
  const TemporaryFolder folder;
  Hdf5Writer writer(folder / "a.h5");
  writer.create_group("/group/inner");
  writer.write_attribute("/", "name", "a name");
  writer.write_attribute("/", "labels", std::vector<std::string>{"cat", "", "Größe"});
  writer.write_attribute("/", "none", std::vector<std::string>{});
  writer.write_attribute("/group/inner", "long", std::string(200'000, 'x'));
  writer.write_attribute("/", "version", 1);
  writer.write_attribute("/", "rate", 0.25);
  writer.write_attribute("/", "mean", std::vector<float>{0.5f, 0.25f});
  writer.write_attribute("/", "shape", std::vector<std::int64_t>{3, 32, 32});
  writer.commit();

  const Hdf5Reader reader(folder / "a.h5");
  CHECK(reader.string_attribute("/", "name") == "a name");
  CHECK(reader.string_list_attribute("/", "labels") == std::vector<std::string>{"cat", "", "Größe"});
  CHECK(reader.string_list_attribute("/", "none").empty());
  CHECK(reader.string_attribute("/group/inner", "long").size() == 200'000);
  CHECK(reader.int_attribute("/", "version") == 1);
  CHECK(reader.float_attribute("/", "rate") == 0.25);
  CHECK(reader.float_list_attribute("/", "mean") == std::vector<float>{0.5f, 0.25f});
  CHECK(reader.int_list_attribute("/", "shape") == std::vector<std::int64_t>{3, 32, 32});
  CHECK(reader.children("/") == std::vector<std::string>{"group"});
  CHECK(reader.has_group("/group/inner"));
  CHECK_FALSE(reader.has_dataset("/group"));
  CHECK_FALSE(reader.has_attribute("/", "missing"));
}

TEST_CASE("hdf5 data sets of any shape and storage give back what was written") {
  CHECK(rc::check([] {
    const TemporaryFolder folder;
    const auto rows = *rc::gen::inRange<std::int64_t>(0, 40), columns = *rc::gen::inRange<std::int64_t>(1, 8);
    const Hdf5Storage storage{.chunk_rows = *rc::gen::inRange(0, 12), .deflate = *rc::gen::inRange(0, 9)};
    const auto values = *rc::gen::container<std::vector<std::uint8_t>>(static_cast<std::size_t>(rows * columns),
                                                                       rc::gen::arbitrary<std::uint8_t>());
    Hdf5Writer writer(folder / "a.h5");
    writer.write("/deep/down/data", {rows, columns}, values, storage);
    writer.commit();

    const Hdf5Reader reader(folder / "a.h5");
    RC_ASSERT(reader.read<std::uint8_t>("/deep/down/data", {any_size, columns}) == values);
    const auto first = *rc::gen::inRange<std::int64_t>(0, rows + 1);
    std::vector<std::uint8_t> part(static_cast<std::size_t>((rows - first) * columns));
    reader.read_rows<std::uint8_t>("/deep/down/data", first, rows - first, part);
    RC_ASSERT(std::equal(part.begin(), part.end(), values.begin() + first * columns, values.end()));
  }));
}

TEST_CASE("files that are no HDF5 files are refused with the reason") {
  const TemporaryFolder folder;
  const auto error = [](const fs::path& file) { return error_of<FileError>([&] { Hdf5Reader reader(file); }); };
  write_text(folder / "text", "images\n");
  write_text(folder / "empty", "");
  CHECK(contains(error(folder / "missing"), "no such file"));
  CHECK(contains(error(folder.path()), "is a folder"));
  CHECK(contains(error(folder / "text"), "not an HDF5 file"));
  CHECK(contains(error(folder / "empty"), "not an HDF5 file"));
  CHECK(contains(error("/dev/null"), "not a regular file"));
}

TEST_CASE("a file truncated anywhere is refused or reads as damaged, and does not crash") {
  const TemporaryFolder folder;
  write_floats(folder / "a.h5", {1000}, std::vector<float>(1000, 1.f));
  const auto size = fs::file_size(folder / "a.h5");
  for (std::uintmax_t keep = 0; keep < size; keep += 97) {
    fs::copy_file(folder / "a.h5", folder / "b.h5", fs::copy_options::overwrite_existing);
    fs::resize_file(folder / "b.h5", keep);
    CHECK(contains(read_error(folder / "b.h5"), "b.h5"));
  }
}

TEST_CASE("a file with spoiled bytes reads or throws a file error, and does not crash") {
  const TemporaryFolder folder;
  write_floats(folder / "a.h5", {64, 4}, std::vector<float>(256, 1.f), {.chunk_rows = 8, .deflate = 3});
  const std::string good = read_text(folder / "a.h5");
  CHECK(rc::check([&] {
    std::string bad = good;
    for (int i = 0; i < 3; ++i) bad[*rc::gen::inRange<std::size_t>(0, bad.size())] = *rc::gen::arbitrary<char>();
    write_text(folder / "b.h5", bad);
    std::size_t read = 256;
    error_of<FileError>([&] { read = Hdf5Reader(folder / "b.h5").read<float>("/data", {any_size, any_size}).size(); });
    RC_ASSERT(read <= 100'000U);
  }));
}

// A file with strings of variable length, as h5py writes them.
void write_strings(const fs::path& path, const std::vector<const char*>& strings) {
  const RawFile file(path);
  const hid_t type = H5Tcopy(H5T_C_S1), group = H5Gopen2(file.id(), "/", H5P_DEFAULT);
  H5Tset_size(type, H5T_VARIABLE);
  const hsize_t count = strings.size();
  const hid_t space = H5Screate_simple(1, &count, nullptr);
  const hid_t attribute = H5Acreate2(group, "names", type, space, H5P_DEFAULT, H5P_DEFAULT);
  REQUIRE(H5Awrite(attribute, type, strings.data()) >= 0);
  H5Aclose(attribute);
  H5Sclose(space);
  H5Gclose(group);
  H5Tclose(type);
}

std::vector<std::string> read_strings(const fs::path& path) {
  return Hdf5Reader(path).string_list_attribute("/", "names");
}

TEST_CASE("strings of variable length are read, and damaged heaps of them are file errors") {
  const TemporaryFolder folder;
  const fs::path good = folder / "good.h5", bad = folder / "bad.h5";
  const std::vector<const char*> strings = {"one", "", "a name of some length, which is more than that of the others"};
  write_strings(good, strings);
  CHECK(read_strings(good) == std::vector<std::string>(strings.begin(), strings.end()));
  const std::string bytes = read_text(good);
  const std::size_t heap = bytes.find("GCOL");
  REQUIRE(heap != std::string::npos);
  const auto error_with = [&](std::size_t place, const std::string& replacement) {
    std::string spoiled = bytes;
    spoiled.replace(heap + place, replacement.size(), replacement);
    write_text(bad, spoiled);
    return error_of<FileError>([&] { read_strings(bad); });
  };
  // The heap: "GCOL", version, reserved, size at 8; the first object at 16: index, references, size at 24.
  CHECK(contains(error_with(24, std::string("\xff\xff\xff\x7f", 4)), "string 0 of 3: object 1 of the heap at"));
  CHECK(contains(error_with(24, std::string(8, '\xff')), "claims 18446744073709551615 bytes"));
  CHECK(contains(error_with(24, std::string("\2", 1)), "string 0 of 3"));
  CHECK(contains(error_with(16, std::string("\7", 1)), "object 1 is missing"));
  CHECK(contains(error_with(8, std::string("\xff\xff\xff\xff", 4)), "no heap of strings"));
  CHECK(contains(error_with(0, "FUL"), "no heap of strings"));
  CHECK(rc::check([&] {
    std::string spoiled = bytes;
    for (int i = 0; i < 4; ++i) spoiled[heap + *rc::gen::inRange<std::size_t>(0, 200)] = *rc::gen::arbitrary<char>();
    write_text(bad, spoiled);
    std::size_t count = 3;
    error_of<FileError>([&] { count = read_strings(bad).size(); });
    RC_ASSERT(count == 3U);
  }));
}

TEST_CASE("wrong types, ranks and sizes are told with what was expected") {
  const TemporaryFolder folder;
  write_floats(folder / "a.h5", {2, 3}, std::vector<float>(6));
  const Hdf5Reader reader(folder / "a.h5");
  const auto error = [](auto f) { return error_of<FileError>(f); };
  CHECK(contains(error([&] { reader.read<float>("/data", {6}); }), "/data: has shape [2, 3], expected [6]"));
  CHECK(contains(error([&] { reader.read<float>("/data", {2, 4}); }), "has shape [2, 3], expected [2, 4]"));
  CHECK(contains(error([&] { reader.read<std::int32_t>("/data", {2, 3}); }), "is of type float32, expected int32"));
  CHECK(contains(error([&] { reader.read<float>("/other", {2, 3}); }), "/other: missing, expected a data set"));
  CHECK(contains(error([&] { reader.read<float>("/data/x", {2, 3}); }), "missing"));
  CHECK(contains(error([&] { reader.read<float>("/", {2, 3}); }), "is not a data set"));
  CHECK(contains(error([&] { reader.children("/data"); }), "is not a group"));
  CHECK(contains(error([&] { reader.int_attribute("/", "version"); }), "attribute version is missing"));
  std::vector<float> row(3);
  CHECK(contains(error([&] { reader.read_rows<float>("/data", 2, 1, row); }), "there are no rows 2 to 3"));
}

TEST_CASE("attributes of another type or number are refused") {
  const TemporaryFolder folder;
  Hdf5Writer writer(folder / "a.h5");
  writer.write_attribute("/", "text", "one");
  writer.write_attribute("/", "numbers", std::vector<std::int64_t>{1, 2});
  writer.commit();
  const Hdf5Reader reader(folder / "a.h5");
  CHECK(
      contains(error_of<FileError>([&] { reader.int_attribute("/", "text"); }), "is of type string, expected integer"));
  CHECK(contains(error_of<FileError>([&] { reader.int_attribute("/", "numbers"); }), "holds 2 values, expected 1"));
  CHECK(contains(error_of<FileError>([&] { reader.string_attribute("/", "numbers"); }), "expected string"));
}

TEST_CASE("sizes that the file cannot hold are refused before memory is taken") {
  const TemporaryFolder folder;
  {
    RawFile raw(folder / "contiguous.h5");
    raw.create("data", {hsize_t{1} << 40}, H5T_NATIVE_FLOAT, H5P_DEFAULT);
    RawFile raw_chunked(folder / "chunked.h5");
    const hid_t properties = chunked({1024});
    H5Pset_deflate(properties, 1);
    raw_chunked.create("data", {hsize_t{1} << 60}, H5T_NATIVE_FLOAT, properties);
    H5Pclose(properties);
    RawFile raw_big_chunk(folder / "big_chunk.h5");
    const hid_t big = chunked({hsize_t{1} << 29});
    raw_big_chunk.create("data", {hsize_t{1} << 30}, H5T_NATIVE_FLOAT, big);
    H5Pclose(big);
  }
  CHECK(
      contains(read_error(folder / "contiguous.h5"), "claims shape [1099511627776], but the file holds only 0 bytes"));
  CHECK(contains(read_error(folder / "chunked.h5"), "but the file holds only 0 bytes"));
  CHECK(contains(read_error(folder / "big_chunk.h5"), "has chunks of 2147483648 bytes, expected at most"));
}

TEST_CASE("links, external storage, virtual storage and foreign filters are not followed") {
  const TemporaryFolder folder;
  write_floats(folder / "other.h5", {4}, {1, 2, 3, 4});
  write_text(folder / "secret", std::string(4096, 's'));
  {
    RawFile soft(folder / "soft.h5");
    H5Lcreate_soft("/data", soft.id(), "data", H5P_DEFAULT, H5P_DEFAULT);
    RawFile external(folder / "external.h5");
    H5Lcreate_external("other.h5", "/data", external.id(), "data", H5P_DEFAULT, H5P_DEFAULT);

    RawFile outside(folder / "outside.h5");
    const hid_t raw_storage = H5Pcreate(H5P_DATASET_CREATE);
    H5Pset_external(raw_storage, (folder / "secret").c_str(), 0, 16);
    outside.create("data", {4}, H5T_NATIVE_FLOAT, raw_storage);
    H5Pclose(raw_storage);

    RawFile mapped(folder / "virtual.h5");
    const hid_t layout = H5Pcreate(H5P_DATASET_CREATE);
    const hsize_t four = 4;
    const hid_t space = H5Screate_simple(1, &four, nullptr);
    H5Pset_virtual(layout, space, "other.h5", "/data", space);
    mapped.create("data", {4}, H5T_NATIVE_FLOAT, layout);
    H5Sclose(space);
    H5Pclose(layout);

    RawFile filtered(folder / "filter.h5");
    const hid_t scale = chunked({4});
    H5Pset_scaleoffset(scale, H5Z_SO_FLOAT_DSCALE, 2);
    filtered.create("data", {4}, H5T_NATIVE_FLOAT, scale);
    H5Pclose(scale);
  }
  CHECK(contains(read_error(folder / "soft.h5"), "/data: is a soft link"));
  CHECK(contains(read_error(folder / "external.h5"), "/data: is an external link"));
  CHECK(contains(read_error(folder / "outside.h5"), "/data: is stored in other files"));
  CHECK(contains(read_error(folder / "virtual.h5"), "/data: has virtual storage"));
  CHECK(contains(read_error(folder / "filter.h5"), "/data: uses filter 6"));
}

TEST_CASE("an hdf5 writer given up leaves no trace") {
  const TemporaryFolder folder;
  write_text(folder / "a.h5", "old");
  { Hdf5Writer(folder / "a.h5").write("/data", {2}, std::vector<float>{1, 2}); }
  CHECK(read_text(folder / "a.h5") == "old");
  CHECK(folder.entries() == 1);
}

TEST_CASE("an hdf5 writer on a full disk throws an output error, wherever the disk runs full") {
  const TemporaryFolder folder;
  write_text(folder / "a.h5", "old");
  const auto write = [&] {
    Hdf5Writer writer(folder / "a.h5");
    writer.write_attribute("/", "name", "name");
    writer.write("/data", {100, 10}, std::vector<float>(1000, 0.5f), {.chunk_rows = 10});
    for (int i = 0; i < 20; ++i) writer.create_group("/group" + std::to_string(i));
    writer.commit();
  };
  write();
  const auto size = fs::file_size(folder / "a.h5");
  write_text(folder / "a.h5", "old");
  for (rlim_t limit = 0; limit < size; limit += 61) {
    const std::string error = error_of<OutputError>([&] {
      const FullDisk full(limit);
      write();
    });
    CHECK(contains(error, (folder / "a.h5").string()));
    CHECK(read_text(folder / "a.h5") == "old");
    CHECK(folder.entries() == 1);
  }
}
