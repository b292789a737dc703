#include "trainer/teacher.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

#include "data/files/error.h"
#include "data/loader.h"
#include "runtime/cascade/model_file.h"
#include "runtime/ops/image_input.h"
#include "runtime/study/answers/cascade_table.h"
#include "tests/support/device_test.h"
#include "tests/support/random_model.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/test_networks.h"
#include "tests/support/training.h"
#include "trainer/teacher_answers.h"

namespace cascadecl {
namespace {

using namespace testing;

constexpr int classes = 10;  // of generated images

const MemoryDataset& images() {
  static const MemoryDataset data = generate_in_memory(easy_images(8), 0, 20);
  return data;
}

// A model that fits the images, with temperatures and fitted weights.
Model model() {
  const Network network = small_resnet({3, 8, 8}, classes);
  Model model = random_model({network, network, network}, 3, PolicyInput::combined);
  const DatasetHeader& header = images().header();
  model.mean = header.mean;
  model.std = header.std;
  model.label_names = header.label_names;
  model.temperatures = {1, 1.5, 2};
  return model;
}

struct InFile {
  explicit InFile(const Model& model) { write_model(path, model); }
  TemporaryFolder folder;
  std::string path = (folder / "teacher.h5").string();
};

// Why a model cannot teach these images.
std::string refusal(const Model& model, const std::string& part = "") {
  const InFile file(model);
  return error_of<UsageError>([&] { read_teacher(file.path + part, images().header()); });
}

// Asks for the images `numbers` as they are, in batches of `batch`.
void ask_all(TeacherAnswers& answers, int epoch, const std::vector<std::int64_t>& numbers, int batch) {
  const DatasetHeader& header = images().header();
  const ImageShape shape{3, 8, 8};
  ImageInput input(test_device(), shape, header.mean, header.std);
  const auto out = test_device().allocate<float>(static_cast<std::size_t>(batch) *
                                                 image_elements(shape, test_device().channel_block()));
  BatchLoader loader(images(), numbers, {.batch_size = batch, .shuffle = false});
  loader.start_epoch(0);
  answers.begin(epoch);
  while (const auto part = loader.next()) {
    input.normalise(static_cast<int>(part->n), test_device().upload(part->images), out);
    answers.ask(out, part->indices);
  }
  answers.end();
}

std::vector<float> probabilities_of(TeacherAnswers& answers, int epoch, const std::vector<std::int64_t>& numbers) {
  std::vector<float> values;
  for (const Half half : test_device().read(answers.rows(epoch, numbers), numbers.size() * classes))
    values.push_back(std::exp(to_float(half)));
  return values;
}

TEST_CASE("a teacher is the last stage of a model file, another stage or all of them, each known apart") {
  const InFile file(model());
  const auto teacher = [&](const std::string& part) { return read_teacher(file.path + part, images().header()); };
  const Teacher last = teacher(""), same = teacher("#2"), first = teacher("#0"), all = teacher("#combined");
  CHECK(last.model.stages.size() == 1);
  CHECK(last.model.stages[0].parameters == model().stages[2].parameters);
  CHECK(last.model.temperatures == std::vector<double>{2});
  CHECK(last.identity == same.identity);
  CHECK(first.model.stages[0].parameters == model().stages[0].parameters);
  CHECK(first.identity != last.identity);
  CHECK(all.model.stages.size() == 3);
  CHECK(all.model.combination == model().combination);

  Model other = model();
  other.combination.back() += 0.5;
  const InFile changed(other);
  CHECK(read_teacher(changed.path + "#combined", images().header()).identity != all.identity);
  CHECK(read_teacher(changed.path, images().header()).identity == last.identity);
}

TEST_CASE("a model that cannot teach these images is refused by name") {
  for (const char* part : {"#3", "#", "#-1", "#one"}) CHECK(contains(refusal(model(), part), "MODEL#0 to MODEL#2"));
  Model wrong = model();
  wrong.combination = own_answers(3);
  CHECK(contains(refusal(wrong, "#combined"), "holds no fitted weights"));
  wrong = model();
  std::swap(wrong.label_names[3], wrong.label_names[4]);
  CHECK(contains(refusal(wrong), "its class 3 is '" + model().label_names[4] + "'"));
  wrong = model();
  wrong.mean[1] += 0.01F;
  CHECK(contains(refusal(wrong), "another mean and std"));
  wrong = random_model({small_resnet({3, 8, 8}, 4)}, 3);
  wrong.label_names.clear();
  CHECK(contains(refusal(wrong), "it has 4 classes, dataset"));
  wrong = random_model({small_resnet({3, 16, 16}, classes)}, 3);
  CHECK(contains(refusal(wrong), "it takes images of [3,16,16]"));
  CHECK_THROWS_AS(read_teacher("/nowhere/teacher.h5", images().header()), FileError);
}

TEST_CASE("a teacher's answers are those of its model, to the precision of halves") {
  const std::vector<std::int64_t> numbers = {3, 4, 5, 6, 11, 12, 19};
  const CascadeTable table = cascade_table(model(), test_device(), images(), numbers);
  const CascadeTable combined = with_combined_answers(table);
  const InFile file(model());
  for (const auto& [part, rows] : {std::pair{"#1", &table}, {"", &table}, {"#combined", &combined}}) {
    CAPTURE(part);
    const std::size_t stage = std::string(part) == "#1" ? 1 : 2;
    const Teacher teacher = read_teacher(file.path + part, images().header());
    TeacherAnswers answers(test_device(), teacher, images().size(), 4);
    CHECK_FALSE(answers.hold(0));
    ask_all(answers, 0, numbers, 4);
    REQUIRE(answers.hold(0));
    const std::vector<std::int64_t> some = {12, 3, 19};
    const std::vector<float> values = probabilities_of(answers, 0, some);
    for (std::size_t i = 0; i < some.size(); ++i) {
      const auto place = static_cast<std::size_t>(std::ranges::find(numbers, some[i]) - numbers.begin());
      const auto row = rows->probabilities.row(stage, place);
      for (std::size_t c = 0; c < classes; ++c) {
        // A half has 11 bits: log p of -1 ... -16 is off by 2^-8 at most.
        CHECK(values[i * classes + c] == doctest::Approx(row[c]).epsilon(0.005));
      }
    }
  }
}

TEST_CASE("answers are kept for each augmentation epoch, and those without room are asked for again") {
  const InFile file(model());
  const Teacher teacher = read_teacher(file.path, images().header());
  const std::vector<std::int64_t> all = all_indices(images().size());
  const std::size_t epoch_bytes = all.size() * classes * 2;
  TeacherAnswers roomy(test_device(), teacher, images().size(), 20),
      narrow(test_device(), teacher, images().size(), 20, 2 * epoch_bytes + 1);
  for (TeacherAnswers* answers : {&roomy, &narrow})
    for (int epoch = 0; epoch < teaching_cycle; ++epoch) ask_all(*answers, epoch, all, 8);
  for (int epoch = 0; epoch < teaching_cycle; ++epoch) {
    CHECK(roomy.hold(epoch));
    CHECK(narrow.hold(epoch) == (epoch == 0 || epoch == teaching_cycle - 1));
  }
  ask_all(narrow, 4, all, 8);
  CHECK(narrow.hold(4));
  CHECK_FALSE(narrow.hold(teaching_cycle - 1));
  CHECK(probabilities_of(narrow, 4, all) == probabilities_of(roomy, 4, all));
}

TEST_CASE("answers that are no numbers are a fault of the device or of the weights") {
  Model broken = model();
  for (auto& [key, values] : broken.stages[2].parameters)
    if (key.ends_with("/weight"))
      for (float& value : values) value = 1e30F;
  const InFile file(broken);
  TeacherAnswers answers(test_device(), read_teacher(file.path, images().header()), images().size(), 8);
  CHECK_THROWS_WITH_AS(ask_all(answers, 0, all_indices(20), 8), doctest::Contains("teacher"), DeviceError);
}

}  // namespace
}  // namespace cascadecl
