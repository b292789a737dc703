#include "runtime/study/answers/dataset_of_model.h"

#include <doctest/doctest.h>

#include "data/files/error.h"
#include "tests/support/temporary_folder.h"

namespace cascadecl {
namespace {

using Names = std::vector<std::string>;

Model model_of(const Names& names, const std::string& color_order = "RGB") {
  Model model{.classes = 3, .input = {3, 1, 1}, .label_names = names};
  model.color_order = color_order;
  return model;
}

std::shared_ptr<const Dataset> dataset_of(const Names& names, const std::string& color_order = "RGB") {
  DatasetHeader header{.name = "photos", .dims = {3, 1, 1}, .label_names = names};
  header.mean = header.std = {1, 2, 3};
  header.color_order = color_order;
  return std::make_shared<MemoryDataset>(header, std::vector<std::uint8_t>{1, 2, 3}, std::vector<std::int32_t>{0});
}

std::string refusal(const Model& model, const std::shared_ptr<const Dataset>& dataset) {
  return error_of<FileError>([&] { dataset_of_model(model, dataset); });
}

}  // namespace

TEST_CASE("classes are matched by name, and a note tells it; a check alone refuses another order") {
  const Model model = model_of({"cat", "dog", "bird"});
  const DatasetOfModel same = dataset_of_model(model, dataset_of({"cat", "dog", "bird"}));
  CHECK(same.notes.empty());
  const auto reordered = dataset_of({"bird", "cat", "dog"});
  const DatasetOfModel seen = dataset_of_model(model, reordered);
  CHECK(seen.dataset->labels()[0] == 2);
  CHECK(seen.dataset->header().label_names == model.label_names);
  REQUIRE(seen.notes.size() == 1);
  CHECK(contains(seen.notes[0], "photos: classes are matched by name"));
  CHECK(contains(seen.notes[0], "'bird' is 2 there, not 0"));
  CHECK(contains(error_of<FileError>([&] { check_dataset(model, reordered->header()); }),
                 "class 0 is 'bird', which is class 2 of the model; expected 'cat'"));
  check_dataset(model, seen.dataset->header());
}

TEST_CASE("other names are refused by the first that differs, and so is one name for several classes") {
  const Model model = model_of({"cat", "dog", "bird"});
  CHECK(contains(refusal(model, dataset_of({"cat", "wolf", "fish"})),
                 "class 1 is 'wolf', which is no class of the model; the model's is 'dog'"));
  CHECK(contains(refusal(model, dataset_of({"dog", "cat", "cat"})), "several of its classes have one name"));
}

TEST_CASE("numbers for names, and no names, fit any names in the order of the numbers") {
  for (const Names& numbers : {Names{"0", "1", "2"}, {"1", "2", "3"}, {"class 0", "class 1", "class 2"}}) {
    CHECK(dataset_of_model(model_of(numbers), dataset_of({"cat", "dog", "bird"})).notes.empty());
    CHECK(dataset_of_model(model_of({"cat", "dog", "bird"}), dataset_of(numbers)).notes.empty());
  }
  CHECK(dataset_of_model(model_of({}), dataset_of({"cat", "dog", "bird"})).notes.empty());
  CHECK(contains(refusal(model_of({"7", "8", "9"}), dataset_of({"cat", "dog", "bird"})), "class 0 is 'cat'"));
  // Numbers as folders sort them are names in another order.
  CHECK(dataset_of_model(model_of({"1", "2", "3"}), dataset_of({"2", "3", "1"})).dataset->labels()[0] == 1);
}

TEST_CASE("images in BGR are turned for a model of RGB, and back; other colours must be the model's") {
  const Names names = {"cat", "dog", "bird"};
  for (const auto& [model, data] : {std::pair<std::string, std::string>{"RGB", "BGR"}, {"BGR", "RGB"}, {"", "BGR"}}) {
    const DatasetOfModel seen = dataset_of_model(model_of(names, model), dataset_of(names, data));
    REQUIRE(seen.notes.size() == 1);
    CHECK(contains(seen.notes[0], "in " + data + " and are turned"));
    std::vector<std::uint8_t> pixels(3);
    seen.dataset->read(std::vector<std::int64_t>{0}, pixels.data());
    CHECK(pixels == std::vector<std::uint8_t>{3, 2, 1});
  }
  CHECK(contains(refusal(model_of(names), dataset_of(names, "none")), "'none', expected 'RGB'"));
  CHECK(dataset_of_model(model_of(names, ""), dataset_of(names, "none")).notes.empty());
  CHECK(contains(error_of<FileError>([&] { check_dataset(model_of(names), dataset_of(names, "BGR")->header()); }),
                 "images are in BGR, the model takes RGB"));
}

TEST_CASE("pictures are turned for a model of BGR alone") {
  for (const auto& [order, first] : {std::pair<std::string, int>{"BGR", 3}, {"RGB", 1}, {"none", 1}}) {
    std::vector<std::uint8_t> pictures = {1, 2, 3, 4, 5, 6};
    turn_pictures(model_of({}, order), pictures);
    CHECK(int{pictures[0]} == first);
    CHECK(pictures[3] == 4 + (first == 3 ? 2 : 0));
  }
}

}  // namespace cascadecl
