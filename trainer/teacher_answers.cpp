#include "trainer/teacher_answers.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "data/files/error.h"
#include "runtime/ops/launch.h"

namespace cascadecl {
namespace {

std::size_t places_in(std::size_t bytes, std::size_t epoch_bytes) {
  return std::clamp<std::size_t>(bytes / epoch_bytes, 1, teaching_cycle);
}

}  // namespace

TeacherAnswers::TeacherAnswers(const Device& device, const Teacher& teacher, std::int64_t images, int max_batch,
                               std::size_t kept_bytes)
    : device_(device),
      images_(static_cast<std::size_t>(images)),
      classes_(to_size(teacher.model.classes)),
      softmax_(device, teacher.model.classes),
      combiner_(teacher.model.combination.empty() ? Combine::last : Combine::fitted, teacher.model.stages.size(),
                teacher.model.combination),
      probabilities_(device.allocate<float>(to_size(max_batch) * classes_)),
      rows_(device.allocate<Half>(to_size(max_batch) * classes_)),
      kept_(places_in(kept_bytes, images_ * classes_ * sizeof(Half))) {
  for (std::size_t t = 0; t < teacher.model.stages.size(); ++t)
    stages_.emplace_back(device, teacher.model.stages[t].network, tempered_parameters(teacher.model, t), max_batch);
}

// The last place is shared by all augmentation epochs that have none of their own.
std::size_t TeacherAnswers::place(int epoch) const { return std::min(to_size(epoch), kept_.size() - 1); }

bool TeacherAnswers::hold(int epoch) const { return kept_[place(epoch)].epoch == epoch; }

void TeacherAnswers::begin(int epoch) {
  Kept& kept = kept_[place(epoch)];
  kept.epoch = -1;
  kept.log_q.resize(images_ * classes_);
  asked_ = epoch;
}

void TeacherAnswers::ask(const Array<float>& images, std::span<const std::int64_t> numbers) {
  const auto n = static_cast<int>(numbers.size());
  std::vector<std::vector<float>> probabilities;
  for (InferencePlan& stage : stages_) {
    softmax_.run(n, stage.run(n, images), probabilities_);
    probabilities.push_back(device_.read(probabilities_, numbers.size() * classes_));
  }
  keep(probabilities, numbers);
}

void TeacherAnswers::keep(std::span<const std::vector<float>> probabilities, std::span<const std::int64_t> numbers) {
  const std::vector<float> unused(probabilities.size(), 1.0F);
  std::vector<std::span<const float>> rows(probabilities.size());
  std::vector<float> answer(classes_);
  Kept& kept = kept_[place(asked_)];
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    for (std::size_t t = 0; t < rows.size(); ++t) rows[t] = std::span(probabilities[t]).subspan(i * classes_, classes_);
    combiner_(rows, unused, answer);
    if (!std::ranges::all_of(answer, [](float p) { return std::isfinite(p); }))
      throw DeviceError(
          fmt::format("device {}: the teacher gave values that are no probabilities", device_.info().name));
    const auto to = kept.log_q.begin() + static_cast<std::ptrdiff_t>(static_cast<std::size_t>(numbers[i]) * classes_);
    std::ranges::transform(answer, to, [](float p) { return to_half(static_cast<float>(log_probability(p))); });
  }
}

void TeacherAnswers::end() { kept_[place(asked_)].epoch = asked_; }

const Array<Half>& TeacherAnswers::rows(int epoch, std::span<const std::int64_t> numbers) {
  const std::vector<Half>& log_q = kept_[place(epoch)].log_q;
  std::vector<Half> rows;
  rows.reserve(numbers.size() * classes_);
  for (const std::int64_t number : numbers) {
    const auto first = log_q.begin() + static_cast<std::ptrdiff_t>(static_cast<std::size_t>(number) * classes_);
    rows.insert(rows.end(), first, first + static_cast<std::ptrdiff_t>(classes_));
  }
  device_.write(rows_, std::span<const Half>(rows));
  return rows_;
}

}  // namespace cascadecl
