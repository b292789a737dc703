#include "data/import/csv.h"

#include <doctest/doctest.h>

#include "data/dataset_file.h"
#include "data/files/error.h"
#include "tests/support/image_files.h"
#include "tests/support/temporary_folder.h"

using namespace cascadecl;
using namespace cascadecl::testing;
namespace fs = std::filesystem;

namespace {

using Fields = std::vector<std::string>;

std::vector<Fields> fields_of(const std::string& text) {
  const TemporaryFolder folder;
  write_text(folder / "x.csv", text);
  std::vector<Fields> all;
  for (const CsvRecord& record : read_csv(folder / "x.csv")) all.push_back(record.fields);
  return all;
}

// Pictures of one value each: a.png of 10, b.png of 20, ...
void write_pictures(const TemporaryFolder& folder) {
  fs::create_directories(folder / "pictures");
  for (const char* name : {"a", "b", "c", "d, e"})
    write_png(folder / ("pictures/" + std::string(name) + ".png"), 4, 4, 3,
              std::vector<std::uint8_t>(48, static_cast<std::uint8_t>(10 * (name[0] - 'a' + 1))));
}

// The first pixel and the name of the label of each image.
std::vector<std::pair<int, std::string>> content(const fs::path& file, const std::string& split = "train") {
  const auto dataset = open_dataset(file, split);
  std::vector<std::pair<int, std::string>> all;
  std::vector<std::uint8_t> image(static_cast<std::size_t>(dataset->header().dims.bytes()));
  for (std::int64_t i = 0; i < dataset->size(); ++i) {
    dataset->read(std::vector<std::int64_t>{i}, image.data());
    const auto label = static_cast<std::size_t>(dataset->labels()[static_cast<std::size_t>(i)]);
    all.emplace_back(image[0], dataset->header().label_names[label]);
  }
  return all;
}

using Content = std::vector<std::pair<int, std::string>>;
const ImageFilesSettings small{.dims = {3, 4, 4}, .threads = 1};

ImportedFiles import(const TemporaryFolder& folder, const std::string& text, ImageFilesSettings settings = small) {
  write_text(folder / "list.csv", text);
  return import_csv(folder / "list.csv", folder / "out.h5", settings);
}

}  // namespace

TEST_CASE("fields may be quoted, and lines end as on any machine") {
  CHECK(fields_of("a,b\nc,d\n") == std::vector<Fields>{{"a", "b"}, {"c", "d"}});
  CHECK(fields_of("\xEF\xBB\xBF"
                  "a,b\r\n\r\nc,\r\nd") == std::vector<Fields>{{"a", "b"}, {"c", ""}, {"d"}});
  CHECK(fields_of("\"a,\n\"\"b\"\"\",\"\",c\n") == std::vector<Fields>{{"a,\n\"b\"", "", "c"}});
  CHECK(fields_of("\"a,b\";c\n") == std::vector<Fields>{{"a,b", "c"}});
  CHECK(fields_of("a\tb c\n") == std::vector<Fields>{{"a", "b c"}});
  CHECK(fields_of("").empty());
  CHECK(contains(error_of<FileError>([] { fields_of("a,b\nc,\"d\n"); }), "x.csv: line 2: a double quote begins"));
  CHECK(contains(error_of<FileError>([] { fields_of("a,\"b\"c\n"); }), "x.csv: line 1: text behind the double quote"));
}

TEST_CASE("a list of image files becomes a dataset, with a header or without, in its order") {
  const TemporaryFolder folder;
  write_pictures(folder);
  const ImportedFiles plain =
      import(folder, "pictures/b.png,dog\n\"pictures/d, e.png\",\"big cat\"\npictures/a.png,dog\n");
  CHECK(plain.images == 3);
  CHECK(content(folder / "out.h5") == Content{{20, "dog"}, {40, "big cat"}, {10, "dog"}});
  CHECK(open_dataset(folder / "out.h5", "train")->header().label_names == std::vector<std::string>{"big cat", "dog"});
  CHECK(open_dataset(folder / "out.h5", "train")->header().name == "list");
  import(folder, "id,Label,split,Image_Path\n1,dog,train,pictures/a.png\n2,cat,TEST,pictures/b.png\n3,cat,train," +
                     (folder / "pictures/c.png").string() + "\n");
  CHECK(content(folder / "out.h5") == Content{{10, "dog"}, {30, "cat"}});
  CHECK(content(folder / "out.h5", "test") == Content{{20, "cat"}});
  import(folder, "pictures/a.png,10\npictures/b.png,9\n");
  CHECK(open_dataset(folder / "out.h5", "train")->header().label_names == std::vector<std::string>{"9", "10"});
}

TEST_CASE("listed files that cannot be read are skipped and told, and a share becomes the split test") {
  const TemporaryFolder folder;
  write_pictures(folder);
  const ImportedFiles result = import(folder, "pictures/a.png,x\npictures/none.png,x\npictures/b.png,y\n");
  CHECK(result.images == 2);
  REQUIRE(result.skipped.size() == 1);
  CHECK(contains(result.skipped[0].problem, "pictures/none.png"));
  ImageFilesSettings settings = small;
  settings.strict = true;
  CHECK(contains(error_of<FileError>([&] { import(folder, "pictures/a.png,x\npictures/none.png,x\n", settings); }),
                 "none.png"));
  settings = small;
  settings.common.test_share = 0.5;
  import(folder, "pictures/a.png,x\npictures/b.png,x\npictures/c.png,y\n\"pictures/d, e.png\",y\n", settings);
  for (const char* split : {"train", "test"}) {
    const Content images = content(folder / "out.h5", split);
    REQUIRE(images.size() == 2);
    CHECK(images[0].second == "x");
    CHECK(images[1].second == "y");
  }
  CHECK(contains(
      error_of<FileError>([&] { import(folder, "pictures/a.png,x,train\npictures/b.png,x,test\n", settings); }),
      "list.csv: has a split test already"));
}

TEST_CASE("a list that makes no dataset is refused by line, and nothing is written") {
  const TemporaryFolder folder;
  write_pictures(folder);
  const auto error = [&](const std::string& text) { return error_of<FileError>([&] { import(folder, text); }); };
  CHECK(contains(error(""), "list.csv: lists no image"));
  CHECK(contains(error("file,label\n"), "list.csv: lists no image"));
  CHECK(contains(error("id,species\n1,dog\n"), "line 1: 'id' is no file, and the line is no header; expected columns"));
  CHECK(contains(error("file,label\npictures/a.png\n"), "line 2: 1 fields, expected 2"));
  CHECK(contains(error("file,label\npictures/a.png,\n"), "line 2: a label of 0 bytes"));
  CHECK(contains(error("file,label\n,dog\n"), "line 2: no name of a file"));
  CHECK(contains(error("pictures/a.png,dog,to train\n"), "line 1: split 'to train'"));
  CHECK(contains(error("pictures/a.png,dog,test\n"), "no image is of the split train"));
  CHECK(contains(error("pictures/a.png,dog\npictures/b.png,cat\npictures/../pictures/a.png,cat\n"),
                 "line 3: 'pictures/../pictures/a.png' stands in line 1 with another label or split"));
  CHECK(contains(error("file,label\npictures/x.png,dog\n"), "no image of split train can be read"));
  CHECK_FALSE(fs::exists(folder / "out.h5"));
}
