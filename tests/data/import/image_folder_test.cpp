#include "data/import/image_folder.h"

#include <doctest/doctest.h>

#include <algorithm>

#include "data/dataset_file.h"
#include "data/files/error.h"
#include "tests/support/image_files.h"
#include "tests/support/temporary_folder.h"

using namespace cascadecl;
using namespace cascadecl::testing;
namespace fs = std::filesystem;

namespace {

// A PNG of one colour, with its folders.
void write_plain(const fs::path& file, int value, int size = 4) {
  fs::create_directories(file.parent_path());
  write_png(file, size, size, 3,
            std::vector<std::uint8_t>(static_cast<std::size_t>(size * size * 3), static_cast<std::uint8_t>(value)));
}

void write_broken(const fs::path& file) {
  fs::create_directories(file.parent_path());
  write_text(file, "\x89PNG, but not for long");
}

// Labels of a split and, of each image, the first pixel.
std::vector<std::pair<int, int>> content(const fs::path& file, const std::string& split) {
  const auto dataset = open_dataset(file, split);
  std::vector<std::uint8_t> image(static_cast<std::size_t>(dataset->header().dims.bytes()));
  std::vector<std::pair<int, int>> all;
  for (std::int64_t i = 0; i < dataset->size(); ++i) {
    dataset->read(std::vector<std::int64_t>{i}, image.data());
    all.emplace_back(dataset->labels()[static_cast<std::size_t>(i)], image[0]);
  }
  return all;
}

using Content = std::vector<std::pair<int, int>>;
const ImageFilesSettings small{.dims = {3, 4, 4}, .threads = 2};

}  // namespace

TEST_CASE("folders of classes become a dataset with splits, in the order of class and path") {
  const TemporaryFolder folder;
  write_plain(folder / "photos/train/dog/b.png", 20);
  write_plain(folder / "photos/train/dog/a.PNG", 10);
  write_plain(folder / "photos/train/cat/deep/er/c.png", 30, 9);
  write_plain(folder / "photos/test/dog/d.png", 40);
  write_plain(folder / "photos/validation/cat/e.png", 50);
  write_plain(folder / "photos/train/.hidden/f.png", 60);
  write_text(folder / "photos/train/cat/notes.txt", "no image");
  fs::create_directories(folder / "photos/test/cat");
  write_jpeg(folder / "photos/test/cat/g.jpeg", 8, 6, std::vector<std::uint8_t>(8 * 6 * 3, 128));
  const ImageFolderResult result = import_image_folder(folder / "photos", folder / "out.h5", small);
  CHECK(content(folder / "out.h5", "train") == Content{{0, 30}, {1, 10}, {1, 20}});
  CHECK(content(folder / "out.h5", "test") == Content{{0, 128}, {1, 40}});
  CHECK(content(folder / "out.h5", "validation") == Content{{0, 50}});
  const DatasetHeader header = open_dataset(folder / "out.h5", "train")->header();
  CHECK(header.name == "photos");
  CHECK(header.label_names == std::vector<std::string>{"cat", "dog"});
  CHECK(header.dims == ImageDims{3, 4, 4});
  CHECK(result.images == 6);
  CHECK(result.skipped.empty());
  REQUIRE(result.left_out.others.size() == 1);
  CHECK(result.left_out.others[0].filename() == "notes.txt");
}

TEST_CASE("without a folder train, all images become train; and they may be gray") {
  const TemporaryFolder folder;
  write_plain(folder / "photos/cat/a.png", 10);
  write_plain(folder / "photos/dog/b.png", 20);
  import_image_folder(folder / "photos", folder / "out.h5", {.dims = {1, 2, 3}});
  CHECK(content(folder / "out.h5", "train") == Content{{0, 10}, {1, 20}});
  CHECK(open_dataset(folder / "out.h5", "train")->header().color_order == "gray");
  CHECK(describe_dataset(folder / "out.h5").splits.size() == 1);
}

TEST_CASE("a class may be called train, and splits in capital letters") {
  const TemporaryFolder folder;
  for (const char* name : {"bus", "car", "train"}) write_plain(folder / (std::string("flat/") + name + "/1.png"), 10);
  import_image_folder(folder / "flat", folder / "out.h5", small);
  CHECK(open_dataset(folder / "out.h5", "train")->header().label_names ==
        std::vector<std::string>{"bus", "car", "train"});
  CHECK(content(folder / "out.h5", "train") == Content{{0, 10}, {1, 10}, {2, 10}});

  for (const char* name : {"Train/cat", "Train/dog", "Test/cat", "Test/dog"})
    write_plain(folder / (std::string("capital/") + name + "/1.png"), 20);
  import_image_folder(folder / "capital", folder / "out.h5", small);
  for (const char* split : {"train", "test"}) CHECK(content(folder / "out.h5", split) == Content{{0, 20}, {1, 20}});
  write_plain(folder / "capital/test/cat/1.png", 30);
  CHECK(contains(error_of<FileError>([&] { import_image_folder(folder / "capital", folder / "out.h5", small); }),
                 "another folder of the split test"));
}

TEST_CASE("a split without labels is left out and told") {
  const TemporaryFolder folder;
  for (const char* name : {"train/cat", "train/dog", "test"})
    write_plain(folder / (std::string("photos/") + name + "/1.png"), 10);
  const ImageFolderResult result = import_image_folder(folder / "photos", folder / "out.h5", small);
  CHECK(result.images == 2);
  CHECK(result.unlabelled == std::vector<std::string>{"test"});
  CHECK(describe_dataset(folder / "out.h5").splits.size() == 1);
}

TEST_CASE("folders that may be splits or classes are refused unless the layout is given") {
  const TemporaryFolder folder;
  for (const char* name : {"bus", "car", "train"})
    for (const char* below : {"day", "night"})
      write_plain(folder / (std::string("photos/") + name + "/" + below + "/1.png"), 10);
  CHECK(contains(error_of<FileError>([&] { import_image_folder(folder / "photos", folder / "out.h5", small); }),
                 "'train' may be a split, but 'bus' is the name of none"));
  ImageFilesSettings settings = small;
  import_image_folder(folder / "photos", folder / "out.h5", small, FolderLayout::classes);
  CHECK(open_dataset(folder / "out.h5", "train")->header().label_names ==
        std::vector<std::string>{"bus", "car", "train"});
  import_image_folder(folder / "photos", folder / "out.h5", small, FolderLayout::splits);
  CHECK(content(folder / "out.h5", "bus") == Content{{0, 10}, {1, 10}});
  fs::remove_all(folder / "photos/train");
  CHECK(contains(error_of<FileError>(
                     [&] { import_image_folder(folder / "photos", folder / "out.h5", small, FolderLayout::splits); }),
                 "photos: no folder train"));
}

TEST_CASE("broken images are skipped and listed, and the others stay in order") {
  const TemporaryFolder folder;
  Content expected;
  for (int i = 0; i < 300; ++i) {  // more than are decoded at once, and than a chunk holds
    const std::string name = "photos/cat/" + std::to_string(1000 + i) + ".png";
    if (i % 3 == 1) {
      write_broken(folder / name);
    } else {
      write_plain(folder / name, i % 256);
      expected.emplace_back(0, i % 256);
    }
  }
  std::vector<std::int64_t> progress;
  ImageFilesSettings settings = small;
  settings.progress = [&](std::int64_t done, std::int64_t) { progress.push_back(done); };
  const ImageFolderResult result = import_image_folder(folder / "photos", folder / "out.h5", settings);
  CHECK(content(folder / "out.h5", "train") == expected);
  CHECK(result.images == 200);
  REQUIRE(result.skipped.size() == 100);
  CHECK(result.skipped[1].file == folder / "photos/cat/1004.png");
  CHECK(contains(result.skipped[1].problem, "1004.png: damaged PNG"));
  CHECK(progress == std::vector<std::int64_t>{256, 300});
}

TEST_CASE("what is left out is listed: hidden files, those beside the classes, and links in a circle") {
  const TemporaryFolder folder;
  for (const char* name : {"train/cat/a.png", "train/cat/.b.png", "train/cat/.thumbs/c.png", "train/dog/d.jfif",
                           "train/__MACOSX/cat/e.png", "train/f.png", "__MACOSX/g.png", "test/dog/h.png"})
    write_plain(folder / ("photos/" + std::string(name)), 10);
  write_text(folder / "photos/readme.txt", "text");
  fs::create_symlink("/nowhere", folder / "photos/train/fox");
  fs::create_symlink(folder / "photos", folder / "photos/train/cat/round");
  const ImageFolderResult result = import_image_folder(folder / "photos", folder / "out.h5", small);
  CHECK(content(folder / "out.h5", "train") == Content{{0, 10}, {1, 10}});
  const auto names = [&](const std::vector<fs::path>& paths) {
    std::vector<std::string> all;
    for (const fs::path& path : paths) all.push_back(path.lexically_relative(folder / "photos"));
    return all;
  };
  using Names = std::vector<std::string>;
  CHECK(names(result.left_out.hidden) == Names{"__MACOSX", "train/__MACOSX", "train/cat/.b.png", "train/cat/.thumbs"});
  CHECK(names(result.left_out.outside) == Names{"readme.txt", "train/f.png", "train/fox"});
  CHECK(names(result.left_out.circles) == Names{"train/cat/round"});
  ImageFilesSettings settings = small;
  settings.strict = true;
  CHECK(contains(error_of<FileError>([&] { import_image_folder(folder / "photos", folder / "out.h5", settings); }),
                 "cat/round: a link to a folder that it lies in"));
}

TEST_CASE("a share of the images of each class becomes the split test, and the seed says which") {
  const TemporaryFolder folder;
  for (int i = 0; i < 20; ++i) {
    write_plain(folder / ("photos/cat/" + std::to_string(10 + i) + ".png"), i);
    if (i % 2 == 0) write_plain(folder / ("photos/dog/" + std::to_string(10 + i) + ".png"), 100 + i);
  }
  ImageFilesSettings settings = small;
  settings.common.test_share = 0.2;
  const auto test_images = [&](std::uint64_t seed) {
    settings.common.seed = seed;
    import_image_folder(folder / "photos", folder / "out.h5", settings);
    return content(folder / "out.h5", "test");
  };
  const Content first = test_images(1);
  CHECK(std::ranges::count(first, 0, &std::pair<int, int>::first) == 4);
  CHECK(std::ranges::count(first, 1, &std::pair<int, int>::first) == 2);
  Content all = content(folder / "out.h5", "train");
  CHECK(all.size() == 24);
  all.insert(all.end(), first.begin(), first.end());
  std::ranges::sort(all);
  CHECK(std::ranges::adjacent_find(all) == all.end());
  CHECK(test_images(1) == first);
  CHECK(test_images(2) != first);
  for (const char* name : {"train/cat/1.png", "test/cat/1.png"})
    write_plain(folder / ("split/" + std::string(name)), 1);
  CHECK(contains(error_of<FileError>([&] { import_image_folder(folder / "split", folder / "out.h5", settings); }),
                 "split: has a split test already"));
}

TEST_CASE("links to files and folders are followed, and one that leads nowhere is a broken image") {
  const TemporaryFolder folder;
  write_plain(folder / "photos/cat/a.png", 10);
  write_plain(folder / "elsewhere/deep/b.png", 20);
  write_plain(folder / "elsewhere/c.png", 30);
  fs::create_symlink(folder / "elsewhere", folder / "photos/cat/more");
  fs::create_symlink(folder / "elsewhere/c.png", folder / "photos/cat/z.png");
  fs::create_symlink("/nowhere/x.png", folder / "photos/cat/broken.png");
  fs::create_symlink("/nowhere/x.txt", folder / "photos/cat/broken.txt");
  fs::create_symlink(folder / "photos", folder / "photos/cat/round");  // no end of folders
  const ImageFolderResult result = import_image_folder(folder / "photos", folder / "out.h5", small);
  CHECK(content(folder / "out.h5", "train") == Content{{0, 10}, {0, 30}, {0, 20}, {0, 30}});
  REQUIRE(result.skipped.size() == 1);
  CHECK(contains(result.skipped[0].problem, "cat/broken.png: there is no such file"));
  CHECK(result.left_out.others == std::vector<fs::path>{folder / "photos/cat/broken.txt"});
  ImageFilesSettings strict = small;
  strict.strict = true;
  CHECK_THROWS_AS(import_image_folder(folder / "photos", folder / "out.h5", strict), FileError);
}

TEST_CASE("a dataset of which most images were skipped is whole") {
  const TemporaryFolder folder;
  for (int i = 0; i < 70; ++i) write_broken(folder / ("photos/cat/" + std::to_string(i) + ".png"));
  write_plain(folder / "photos/cat/z.png", 7);
  import_image_folder(folder / "photos", folder / "out.h5", small);
  CHECK(content(folder / "out.h5", "train") == Content{{0, 7}});
}

TEST_CASE("strictly, the first broken image ends the import, and nothing is written") {
  const TemporaryFolder folder;
  write_plain(folder / "photos/cat/a.png", 10);
  write_broken(folder / "photos/cat/b.png");
  ImageFilesSettings settings = small;
  settings.strict = true;
  const auto before = folder.entries();
  CHECK(contains(error_of<FileError>([&] { import_image_folder(folder / "photos", folder / "out.h5", settings); }),
                 "b.png: damaged PNG"));
  CHECK(folder.entries() == before);
}

TEST_CASE("folders that make no dataset are refused with their name") {
  const TemporaryFolder folder;
  const auto error = [&] {
    return error_of<FileError>([&] { import_image_folder(folder / "photos", folder / "out.h5", small); });
  };
  CHECK(contains(error(), "photos: no such folder"));
  fs::create_directories(folder / "photos");
  CHECK(contains(error(), "photos: no folder that is named by a class"));
  fs::create_directories(folder / "photos/train/cat");
  CHECK(contains(error(), "split train has no image file"));
  write_broken(folder / "photos/train/cat/a.png");
  CHECK(contains(error(), "no image of split train can be read; the last: "));
  write_plain(folder / "photos/train/cat/b.png", 1);
  write_plain(folder / "photos/test/dog/c.png", 2);
  CHECK(contains(error(), "photos/test/dog: class 'dog' is not among those of train"));
  CHECK_FALSE(fs::exists(folder / "out.h5"));
  CHECK_THROWS_AS(import_image_folder(folder / "photos", folder / "out.h5", {.dims = {2, 4, 4}}), UsageError);
  CHECK_THROWS_AS(import_image_folder(folder / "photos", folder / "out.h5", {.dims = {3, 0, 4}}), UsageError);
}
