#include "data/import/array_import.h"

#include <doctest/doctest.h>

#include "data/dataset_file.h"
#include "data/files/error.h"
#include "data/import/cifar.h"
#include "data/import/idx.h"
#include "data/import/npz.h"
#include "tests/support/python.h"
#include "tests/support/temporary_folder.h"

using namespace cascadecl;
namespace fs = std::filesystem;

namespace {

std::string python() { return find_python({"numpy"}); }

std::vector<std::int32_t> labels_of(const Dataset& dataset) {
  return std::vector<std::int32_t>(dataset.labels().begin(), dataset.labels().end());
}

std::vector<int> image_of(const Dataset& dataset, std::int64_t index) {
  std::vector<std::uint8_t> pixels(static_cast<std::size_t>(dataset.header().dims.bytes()));
  dataset.read(std::vector<std::int64_t>{index}, pixels.data());
  return {pixels.begin(), pixels.end()};
}

std::string big_endian(std::vector<std::uint32_t> values) {
  std::string text;
  for (const std::uint32_t value : values)
    for (int shift = 24; shift >= 0; shift -= 8) text += static_cast<char>(value >> shift & 0xFF);
  return text;
}

std::string idx_images(std::uint32_t images, std::uint32_t rows, std::uint32_t columns) {
  std::string text = big_endian({0x0803, images, rows, columns});
  for (std::uint32_t i = 0; i < images * rows * columns; ++i) text += static_cast<char>(i);
  return text;
}

std::string idx_labels(const std::string& labels) {
  return big_endian({0x0801, static_cast<std::uint32_t>(labels.size())}) + labels;
}

void write_idx(const TemporaryFolder& folder) {
  fs::create_directories(folder / "digits");
  write_text(folder / "digits/train-images-idx3-ubyte", idx_images(4, 2, 3));
  write_text(folder / "digits/train-labels-idx1-ubyte", idx_labels(std::string("\0\2\0\2", 4)));
  write_text(folder / "digits/t10k-images.idx3-ubyte", idx_images(2, 2, 3));
  write_text(folder / "digits/t10k-labels.idx1-ubyte", idx_labels(std::string("\1\0", 2)));
}

std::string idx_error(const TemporaryFolder& folder, const std::vector<std::string>& names = {}) {
  return error_of<FileError>([&] { import_idx(folder / "digits", names, {}, folder / "out.h5", {}); });
}

// What the import says of a .npz file that the Python program makes; "" if nothing.
std::string npz_error(const std::string& arrays, std::optional<ImageDims> dims = {}) {
  const TemporaryFolder folder;
  run_python(python(), folder.path(), "import numpy as np\nnp.savez('x.npz', " + arrays + ")\n");
  return error_of<FileError>([&] { import_npz(folder / "x.npz", {}, dims, folder / "out.h5", {}); });
}

}  // namespace

TEST_CASE("idx files become a dataset of gray images, with classes called by their numbers") {
  const TemporaryFolder folder;
  write_idx(folder);
  import_idx(folder / "digits", {}, {}, folder / "out.h5", {});
  const auto train = open_dataset(folder / "out.h5", "train"), test = open_dataset(folder / "out.h5", "test");
  CHECK(train->header().name == "digits");
  CHECK(train->header().dims == ImageDims{1, 2, 3});
  CHECK(train->header().color_order == "gray");
  CHECK(train->header().label_names == std::vector<std::string>{"0", "1", "2"});
  CHECK(labels_of(*train) == std::vector<std::int32_t>{0, 2, 0, 2});
  CHECK(labels_of(*test) == std::vector<std::int32_t>{1, 0});
  CHECK(image_of(*train, 1) == std::vector<int>{6, 7, 8, 9, 10, 11});
}

TEST_CASE("idx files may be compressed, and their images resized to three channels") {
  if (!there_is(python())) return;
  const TemporaryFolder folder;
  write_idx(folder);
  run_python(python(), folder / "digits", R"(
import gzip, os
for name in os.listdir('.'):
    with open(name, 'rb') as plain, gzip.open(name + '.gz', 'wb') as packed: packed.write(plain.read())
    os.remove(name)
)");
  import_idx(folder / "digits", {"zero", "one", "two"}, ImageDims{3, 2, 2}, folder / "out.h5", {});
  const auto train = open_dataset(folder / "out.h5", "train");
  CHECK(train->header().dims == ImageDims{3, 2, 2});
  CHECK(train->header().label_names[1] == "one");
  const std::vector<int> image = image_of(*train, 0);  // the middle two of three columns
  CHECK(std::vector<int>(image.begin(), image.begin() + 4) == std::vector<int>(image.end() - 4, image.end()));
  const std::string packed = read_text(folder / "digits/train-images-idx3-ubyte.gz");
  write_text(folder / "digits/train-images-idx3-ubyte.gz", packed.substr(0, packed.size() / 2));
  CHECK(contains(idx_error(folder), "train-images-idx3-ubyte.gz: "));
}

TEST_CASE("idx files that do not fit are refused by name, and nothing is written") {
  const TemporaryFolder folder;
  CHECK(contains(idx_error(folder), "digits: no folder that can be read"));
  write_idx(folder);
  const auto with = [&](const std::string& name, const std::string& content) {
    const std::string file = folder / ("digits/" + name), old = read_text(file);
    write_text(file, content);
    std::string error = idx_error(folder);
    write_text(file, old);
    return error;
  };
  const std::string images = "train-images-idx3-ubyte", labels = "train-labels-idx1-ubyte";
  CHECK(contains(with(images, "text, no idx"), images + ": no idx file"));
  CHECK(contains(with(images, ""), images + ": no idx file"));
  CHECK(contains(with(images, idx_labels("abcd")), "0x08 of 1 dimensions, expected unsigned bytes (0x08) of 3"));
  CHECK(contains(with(images, idx_images(4, 2, 3) + "x"), images + ": holds more than its shape tells"));
  CHECK(contains(with(images, idx_images(4, 2, 3).substr(0, 30)), images + ": ends too early"));
  CHECK(contains(with(images, idx_images(3, 2, 3)), images + ": 3 images, but 4 labels in " + labels));
  CHECK(contains(with(images, big_endian({0x0803, 4, 0, 3})), "images of 0x3, expected sides of 1 to 4096"));
  CHECK(contains(with(labels, big_endian({0x0801, 0xFFFFFFFF})), labels + ": 4294967295 items"));
  CHECK(contains(idx_error(folder, {"a", "b"}), "label of image 1 is 2, expected 0 to 1"));
  fs::remove(folder / "digits/t10k-labels.idx1-ubyte");
  CHECK(contains(idx_error(folder), "t10k-images.idx3-ubyte: no t10k-labels-idx1-ubyte beside it"));
  CHECK_FALSE(fs::exists(folder / "out.h5"));
}

TEST_CASE("a share of each class becomes the split test, the same for the same seed") {
  const TemporaryFolder folder;
  write_idx(folder);
  ImportSettings settings{.test_share = 0.5, .seed = 3, .storage = {}};
  CHECK(contains(error_of<FileError>([&] { import_idx(folder / "digits", {}, {}, folder / "out.h5", settings); }),
                 "digits: has a split test already"));
  for (const char* name : {"t10k-images.idx3-ubyte", "t10k-labels.idx1-ubyte"})
    fs::remove(folder / ("digits/" + std::string(name)));
  std::vector<std::vector<int>> first;
  for (const char* out : {"a.h5", "b.h5"}) {
    import_idx(folder / "digits", {}, {}, folder / out, settings);
    const auto train = open_dataset(folder / out, "train"), test = open_dataset(folder / out, "test");
    CHECK(labels_of(*train).size() == 2);
    std::vector<std::int32_t> labels = labels_of(*test);
    std::sort(labels.begin(), labels.end());
    CHECK(labels == std::vector<std::int32_t>{0, 2});
    CHECK(image_of(*train, 0) != image_of(*test, 0));
    first.push_back(image_of(*test, 0));
  }
  CHECK(first[0] == first[1]);
}

TEST_CASE("npz files become a dataset, whatever their arrays are called and their channels lie") {
  if (!there_is(python())) return;
  const TemporaryFolder folder;
  run_python(python(), folder.path(), R"(
import numpy as np
x = np.arange(2 * 2 * 4 * 3, dtype=np.uint8).reshape(2, 2, 4, 3)
y = np.array([[1], [0]])
np.savez('last.npz', x_train=x, y_train=y, x_test=x[:1], y_test=y[:1].astype(np.uint8))
np.savez_compressed('first.npz', train_images=x.transpose(0, 3, 1, 2).copy(), train_labels=y[:, 0], other=np.zeros(3))
np.savez('gray.npz', images=x[..., 0].copy(), labels=y.astype('>i2'))
)");
  for (const char* name : {"last", "first"}) {
    import_npz(folder / (std::string(name) + ".npz"), {"cat", "dog"}, {}, folder / "out.h5", {});
    const auto train = open_dataset(folder / "out.h5", "train");
    CHECK(train->header().name == name);
    CHECK(train->header().dims == ImageDims{3, 2, 4});
    CHECK(labels_of(*train) == std::vector<std::int32_t>{1, 0});
    CHECK(image_of(*train, 0) ==
          std::vector<int>{0, 3, 6, 9, 12, 15, 18, 21, 1, 4, 7, 10, 13, 16, 19, 22, 2, 5, 8, 11, 14, 17, 20, 23});
  }
  import_npz(folder / "last.npz", {}, {}, folder / "out.h5", {});
  CHECK(open_dataset(folder / "out.h5", "test")->size() == 1);
  import_npz(folder / "gray.npz", {}, {}, folder / "out.h5", {});
  CHECK(open_dataset(folder / "out.h5", "train")->header().dims == ImageDims{1, 2, 4});
  CHECK(labels_of(*open_dataset(folder / "out.h5", "train")) == std::vector<std::int32_t>{1, 0});
}

TEST_CASE("npz files that do not fit are refused by array") {
  if (!there_is(python())) return;
  const std::string x = "np.zeros((2, 4, 4, 3), np.uint8)", y = "np.array([0, 1])";
  CHECK(contains(npz_error("x_train=" + x), "holds x_train, but no y_train"));
  CHECK(contains(npz_error("labels=" + y), "holds labels, but no images"));
  CHECK(contains(npz_error("a=" + x), "holds none of x_train, train_images and images"));
  CHECK(contains(npz_error("images=" + x + ", labels=np.zeros(3, int)"), "images has 2 images, labels has 3 labels"));
  CHECK(contains(npz_error("images=" + x + " / 2, labels=" + y),
                 "images.npy: images of type <f8 and shape [2, 4, 4, 3], expected uint8"));
  CHECK(contains(npz_error("images=np.zeros((2, 4, 4, 2), np.uint8), labels=" + y), "expected 1 or 3 channels"));
  CHECK(contains(npz_error("images=np.zeros((2, 3, 4, 3), np.uint8), labels=" + y), "the second and the last axis"));
  CHECK(contains(npz_error("images=np.asfortranarray(" + x + "), labels=" + y), "in columns"));
  CHECK(contains(npz_error("images=" + x + ", labels=np.eye(2)"), "labels.npy: labels of type <f8 and shape [2, 2]"));
  CHECK(contains(npz_error("images=" + x + ", labels=np.array([0, -1])"), "label of image 1 is -1"));
  CHECK(contains(npz_error("images=" + x + ", labels=np.array([0, 10**6])"), "label of image 1 is 1000000"));
  CHECK(contains(npz_error("x_train=" + x + ", y_train=" + y + ", x_test=" + x + "[:, :2], y_test=" + y),
                 "the images of train are 3x4x4, those of test 3x2x4"));
  CHECK(npz_error("x_train=" + x + ", y_train=" + y + ", x_test=" + x + "[:, :2], y_test=" + y, ImageDims{3, 4, 4}) ==
        "");
  CHECK_THROWS_AS(npz_error("images=" + x + ", labels=" + y, ImageDims{1, 4, 4}), UsageError);
}

TEST_CASE("CIFAR's version for Python gives what the binary one gives, also from its archive") {
  if (!there_is(python())) return;
  const TemporaryFolder folder;
  run_python(python(), folder.path(), R"(
import os, pickle, tarfile, numpy as np
def save(name, d):
    with open(name, 'wb') as file: pickle.dump({key.encode(): value for key, value in d.items()}, file, 2)
def images(first, n): return (np.arange(n * 3072) // 3072 + first).astype(np.uint8).reshape(n, 3072)
os.makedirs('ten'); os.chdir('ten')
for k in range(1, 6): save(f'data_batch_{k}', {'data': images(10 * k, 2), 'labels': [k, 9], 'filenames': [b'a', b'b']})
save('test_batch', {'data': images(200, 1), 'labels': [0]})
save('batches.meta', {'label_names': [f'class{i}'.encode() for i in range(10)], 'num_vis': 3072})
os.chdir('..'); os.makedirs('hundred'); os.chdir('hundred')
save('train', {'data': images(1, 2), 'fine_labels': [99, 2], 'coarse_labels': [19, 1]})
save('test', {'data': images(7, 1), 'fine_labels': [4], 'coarse_labels': [3]})
save('meta', {'fine_label_names': [f'fine{i}'.encode() for i in range(100)],
              'coarse_label_names': [f'coarse{i}'.encode() for i in range(20)]})
os.chdir('..')
with tarfile.open('ten.tar.gz', 'w:gz') as archive: archive.add('ten', 'cifar-10-batches-py')
)");
  for (const char* source : {"ten", "ten.tar.gz"}) {
    import_cifar10(folder / source, folder / "out.h5");
    const auto train = open_dataset(folder / "out.h5", "train");
    CHECK(labels_of(*train) == std::vector<std::int32_t>{1, 9, 2, 9, 3, 9, 4, 9, 5, 9});
    CHECK(train->header().name == "CIFAR-10");
    CHECK(train->header().label_names[9] == "class9");
    CHECK(image_of(*train, 3) == std::vector<int>(3072, 21));
    CHECK(image_of(*open_dataset(folder / "out.h5", "test"), 0) == std::vector<int>(3072, 200));
  }
  import_cifar100(folder / "hundred", Cifar100Labels::fine, folder / "out.h5");
  CHECK(labels_of(*open_dataset(folder / "out.h5", "train")) == std::vector<std::int32_t>{99, 2});
  import_cifar100(folder / "hundred", Cifar100Labels::coarse, folder / "out.h5");
  CHECK(open_dataset(folder / "out.h5", "train")->header().label_names[19] == "coarse19");

  const auto error = [&] { return error_of<FileError>([&] { import_cifar10(folder / "ten", folder / "new.h5"); }); };
  fs::rename(folder / "ten/data_batch_3", folder / "three");
  CHECK(contains(error(), "data_batch_3"));
  run_python(python(), folder.path(), R"(
import pickle, numpy as np
with open('ten/data_batch_3', 'wb') as file: pickle.dump({'data': np.zeros((2, 3072), np.uint8), 'labels': [1]}, file, 2)
)");
  CHECK(contains(error(), "data_batch_3: 1 labels for 2 images"));
  run_python(python(), folder.path(), R"(
import pickle, numpy as np
with open('ten/data_batch_3', 'wb') as file: pickle.dump({'data': np.zeros((2, 3), np.uint8), 'labels': [1, 1]}, file, 2)
)");
  CHECK(contains(error(), "'data' is of type |u1 and shape [2, 3], expected |u1 and [N, 3072]"));
  write_text(folder / "x.tar.gz", "no archive");
  CHECK(contains(error_of<FileError>([&] { import_cifar10(folder / "x.tar.gz", folder / "new.h5"); }), "x.tar.gz: "));
  CHECK_FALSE(fs::exists(folder / "new.h5"));
  CHECK(folder.entries() == 7);  // nothing unpacked is left: ten, hundred, ten.tar.gz, out.h5, three, x.tar.gz, program
}
