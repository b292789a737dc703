#include "data/import/imagenet32.h"

#include <doctest/doctest.h>

#include <algorithm>

#include "data/dataset_file.h"
#include "data/files/error.h"
#include "data/import/imagenet_batch.h"
#include "tests/support/python.h"
#include "tests/support/temporary_folder.h"

using namespace cascadecl;
namespace fs = std::filesystem;

namespace {

std::string python() { return find_python({"numpy"}); }

// Small batches in the published form: train_data_batch_k has k images, of label k and pixels k, k + 1, ...; val_data
// has two images of label 1000 whose pixels count up. `save` is Python that writes dict d to file `name`.
std::string batches(const std::string& save) {
  return R"(
import pickle, zipfile, numpy as np
def save(name, d):
)" + save +
         R"(
for k in range(1, 11):
    data = np.repeat(np.arange(k, 2 * k, dtype=np.uint8), 3072).reshape(k, 3072)
    save(f'train_data_batch_{k}', {'data': data, 'labels': [k] * k, 'mean': data.mean(0)})
save('val_data', {'data': np.arange(6144).astype(np.uint8).reshape(2, 3072), 'labels': [1000, 1000]})
)";
}

std::string pickled(int protocol) {
  return "    with open(name, 'wb') as file: pickle.dump(d, file, " + std::to_string(protocol) + ")\n";
}
const std::string stored = "    np.savez(name, **d)\n", deflated = "    np.savez_compressed(name, **d)\n";

void check_import(const fs::path& file) {
  const auto train = open_dataset(file, "train"), test = open_dataset(file, "test");
  REQUIRE(train->size() == 55);
  CHECK(train->header().dims == ImageDims{3, 32, 32});
  CHECK(train->header().classes() == 1000);
  CHECK(train->labels()[0] == 0);
  CHECK(train->labels()[1] == 1);
  CHECK(train->labels()[54] == 9);
  std::vector<std::uint8_t> image(3072), counting(3072);
  train->read(std::vector<std::int64_t>{54}, image.data());
  CHECK(image == std::vector<std::uint8_t>(3072, 19));
  REQUIRE(test->size() == 2);
  CHECK(test->labels()[1] == 999);
  test->read(std::vector<std::int64_t>{1}, image.data());
  for (std::size_t i = 0; i < counting.size(); ++i) counting[i] = static_cast<std::uint8_t>(3072 + i);
  CHECK(image == counting);
}

// The error of reading one .npz file that the Python program makes of `data` and `labels`.
std::string npz_error(const std::string& program) {
  const TemporaryFolder folder;
  run_python(python(), folder.path(), "import io, zipfile, numpy as np\n" + program);
  return error_of<FileError>([&] {
    const auto labels = read_imagenet_labels(folder / "x.npz");
    read_imagenet_images(folder / "x.npz", static_cast<std::int64_t>(labels.size()), [](auto) {});
  });
}

}  // namespace

TEST_CASE("ImageNet32x32 is imported from pickled batches and from npz files alike") {
  if (!there_is(python())) return;
  for (const std::string& save : {pickled(2), pickled(3), pickled(4), stored, deflated}) {
    CAPTURE(save);
    const TemporaryFolder folder;
    run_python(python(), folder.path(), batches(save));
    import_imagenet32(folder.path(), folder / "out.h5");
    check_import(folder / "out.h5");
    CHECK(open_dataset(folder / "out.h5", "train")->header().label_names[999] == "1000");
  }
}

TEST_CASE("class names of ImageNet32x32 are from map_clsloc.txt") {
  if (!there_is(python())) return;
  const TemporaryFolder folder;
  run_python(python(), folder.path(), batches(pickled(3)) + R"(
with open('map_clsloc.txt', 'w') as file:
    for k in range(1000, 0, -1): file.write(f'n{k:08} {k} name_{k}\n')
)");
  import_imagenet32(folder.path(), folder / "out.h5");
  CHECK(open_dataset(folder / "out.h5", "train")->header().label_names[7] == "name_8");
  write_text(folder / "map_clsloc.txt", "n1 1 one\nn2 2 two\n");
  const auto error = [&] { return error_of<FileError>([&] { import_imagenet32(folder.path(), folder / "out.h5"); }); };
  CHECK(contains(error(), "map_clsloc.txt: class 3 has no name"));
  write_text(folder / "map_clsloc.txt", "n1 1001 one\n");
  CHECK(contains(error(), "map_clsloc.txt: a line"));
}

TEST_CASE("an import of ImageNet32x32 names the file that is wrong and leaves what was there") {
  if (!there_is(python())) return;
  const TemporaryFolder folder;
  run_python(python(), folder.path(), batches(pickled(3)));
  write_text(folder / "out.h5", "old");
  const auto error_with = [&](const std::string& change) {
    run_python(python(), folder.path(), batches(pickled(3)) + change);
    return error_of<FileError>([&] { import_imagenet32(folder.path(), folder / "out.h5"); });
  };
  const std::string data = "np.zeros((2, 3072), np.uint8)", save = "save('train_data_batch_3', ";
  const auto batch = [&](const std::string& d, const std::string& l) {
    return save + "{'data': " + d + ", 'labels': " + l + "})\n";
  };
  CHECK(contains(error_with(batch(data, "[1, 1001]")), "train_data_batch_3: label of image 1 is 1001, expected 1 to"));
  CHECK(contains(error_with(batch(data, "[0, 1]")), "label of image 0 is 0"));
  CHECK(contains(error_with(batch(data, "[1, 2, 3]")), "3 labels for 2 images"));
  CHECK(contains(error_with(batch(data, "[1, 'cat']")), "label of image 1 is no whole number"));
  CHECK(contains(error_with(batch(data, "np.array([1., 2.])")), "labels are of type <f8"));
  CHECK(contains(error_with(batch("np.zeros((2, 3072))", "[1, 2]")), "type <f8 and shape [2, 3072], expected |u1"));
  CHECK(contains(error_with(batch("np.zeros((2, 3, 1024), np.uint8)", "[1, 2]")), "shape [2, 3, 1024]"));
  CHECK(contains(error_with(batch("np.zeros((3072, 2), np.uint8).T", "[1, 2]")), "in columns"));
  CHECK(contains(error_with(save + "{'labels': [1]})\n"), "holds no 'data'"));
  CHECK(contains(error_with(save + "[1, 2])\n"), "a dict is expected"));
  CHECK(contains(error_with("import os; os.remove('train_data_batch_7')\n"),
                 "train_data_batch_7: no such file, nor train_data_batch_7.npz"));
  CHECK(read_text(folder / "out.h5") == "old");
  CHECK(contains(error_of<FileError>([&] { import_imagenet32(folder / "none", folder / "o.h5"); }), "no such folder"));
}

TEST_CASE("a pickled batch that would run a program is refused, and nothing runs") {
  if (!there_is(python())) return;
  const TemporaryFolder folder;
  run_python(python(), folder.path(), batches(pickled(3)) + R"(
import os
class Attack:
    def __reduce__(self): return os.system, ('touch ran',)
save('train_data_batch_4', {'data': Attack(), 'labels': [1]})
)");
  const fs::path before = fs::current_path();
  fs::current_path(folder.path());
  const std::string error = error_of<FileError>([&] { import_imagenet32(folder.path(), folder / "out.h5"); });
  fs::current_path(before);
  CHECK(contains(error, "train_data_batch_4: offset "));
  CHECK(contains(error, "'system' of 'posix'"));
  CHECK_FALSE(fs::exists(folder / "ran"));
  CHECK_FALSE(fs::exists(folder / "out.h5"));
}

TEST_CASE("npz files are read with headers of any format, numbers of any width, and other members beside") {
  if (!there_is(python())) return;
  CHECK(npz_error(R"(
with zipfile.ZipFile('x.npz', 'w', zipfile.ZIP_DEFLATED) as z:
    for version, name, array in [((2, 0), 'labels', np.array([1, 1000], '>i2')),
                                 ((3, 0), 'data', np.ones((2, 3072), np.uint8))]:
        with z.open(name + '.npy', 'w') as file: np.lib.format.write_array(file, array, version)
    z.writestr('mean.npy', b'not an array')
)") == "");
}

TEST_CASE("npz files that are damaged or foreign are refused with the member's name") {
  if (!there_is(python())) return;
  const std::string data = "np.ones((2, 3072), np.uint8)",
                    good = "np.savez('x.npz', labels=np.array([1, 2]), data=" + data;
  CHECK(npz_error(good + ")\n") == "");
  CHECK(contains(npz_error("np.savez('x.npz', data=" + data + ")\n"), "x.npz: holds no labels.npy"));
  CHECK(contains(npz_error("np.savez('x.npz', labels=np.array([1]))\n"), "x.npz: holds no data.npy"));
  CHECK(contains(npz_error("np.savez('x.npz', labels=np.array([1]), data=" + data + ")\n"), "1 labels for 2 images"));
  CHECK(contains(npz_error("np.savez('x.npz', labels=np.array([1, 'a'], object), data=" + data + ")\n"),
                 "labels are of type |O"));
  CHECK(contains(npz_error("open('x.npz', 'w').write('no zip')\n"), "x.npz: "));
  // Numbers changed within: zip's checksum tells, stored or deflated.
  const std::string spoil = R"(
raw = bytearray(open('x.npz', 'rb').read())
raw[AT] ^= 0x55
open('x.npz', 'wb').write(raw)
)";
  const auto spoiled = [&](const std::string& at) { return std::string(spoil).replace(spoil.find("AT"), 2, at); };
  CHECK(contains(npz_error(good + ")\n" + spoiled("raw.find(b'data.npy') + 4000")), "x.npz: data.npy: "));
  // What the header claims and the member does not hold.
  const std::string header = R"(
import struct
def npy(header, body): return b'\x93NUMPY\x01\x00' + struct.pack('<H', len(header)) + header.encode() + body
def member(header, body):
    with zipfile.ZipFile('x.npz', 'w') as z:
        z.writestr('labels.npy', npy("{'descr': '<i8', 'fortran_order': False, 'shape': (1,), }", struct.pack('<q', 1)))
        z.writestr('data.npy', npy(header, body))
)";
  const auto claims = [&](const std::string& text, const std::string& body = "bytes(3072)") {
    return npz_error(header + "member(\"" + text + "\", " + body + ")\n");
  };
  CHECK(claims("{'descr': '|u1', 'fortran_order': False, 'shape': (1, 3072)}") == "");
  CHECK(contains(claims("{'descr': '|u1', 'fortran_order': False, 'shape': (1, 3072)}", "bytes(3071)"), "too early"));
  CHECK(contains(claims("{'descr': '|u1', 'fortran_order': False, 'shape': (1, 3072)}", "bytes(3073)"), "holds more"));
  for (const char* text :
       {"{'descr': '|u1', 'fortran_order': False, 'shape': (-1, 3072)}", "{'descr': '|u1', 'shape': (1, 3072)}",
        "{'descr': '|u1', 'fortran_order': False, 'shape': (99999999999999999999, 3072)}", "__import__('os')", "{",
        "{'descr': [('a', '|u1')], 'fortran_order': False, 'shape': (1, 3072)}", "",
        "{'descr': '|u1', 'fortran_order': 1, 'shape': (1, 3072)}"}) {
    CAPTURE(text);
    CHECK(contains(claims(text), "x.npz: data.npy: not the header of an array"));
  }
}

TEST_CASE("an npz file cut anywhere is refused") {
  if (!there_is(python())) return;
  const TemporaryFolder folder;
  run_python(python(), folder.path(),
             "import numpy as np\nnp.savez('whole.npz', labels=np.array([1]), data=np.ones((1, 3072), np.uint8))\n");
  const std::string whole = read_text(folder / "whole.npz");
  int refused = 0, cuts = 0;
  for (std::size_t bytes = 0; bytes < whole.size(); bytes += 7, ++cuts) {
    write_text(folder / "x.npz", whole.substr(0, bytes));
    const std::string error = error_of<FileError>([&] {
      read_imagenet_labels(folder / "x.npz");
      read_imagenet_images(folder / "x.npz", 1, [](auto) {});
    });
    if (contains(error, "x.npz: ")) ++refused;
  }
  CHECK(refused == cuts);
}
