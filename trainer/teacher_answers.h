#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "runtime/cascade/combine.h"
#include "runtime/network/inference_plan.h"
#include "runtime/opencl/device.h"
#include "runtime/opencl/half.h"
#include "runtime/ops/softmax.h"
#include "trainer/teacher.h"

namespace cascadecl {

// Augmentation epochs of a stage that learns from a teacher: its epoch e sees the images of augmentation epoch e % 8.
// So the teacher has to be asked in the first eight epochs only. Beyond a few such epochs, more bring little.
inline constexpr int teaching_cycle = 8;

// What a teacher says of the training images of a stage, as they are augmented for it. It is asked once for each image
// and augmentation epoch. The answers lie on the host as halves of log q.
class TeacherAnswers {
 public:
  // images: of the dataset. max_batch: the most images of a call. kept_bytes: host memory for the answers. What does
  // not fit there, beyond one augmentation epoch, is dropped and asked for again.
  TeacherAnswers(const Device& device, const Teacher& teacher, std::int64_t images, int max_batch,
                 std::size_t kept_bytes = std::size_t{1} << 30);

  // Whether the answers of an augmentation epoch are there.
  bool hold(int epoch) const;

  // To get them: begin() once, ask() for all images of the stage, and end(). images: the n that `numbers` [n] says, of
  // the dataset, augmented and normalised. Throws DeviceError if an answer is no number.
  void begin(int epoch);
  void ask(const Array<float>& images, std::span<const std::int64_t> numbers);
  void end();

  // log q of the images `numbers` [n] in an augmentation epoch that is there: [n][classes], on the device. Valid until
  // the next call.
  const Array<Half>& rows(int epoch, std::span<const std::int64_t> numbers);

 private:
  // The answers [images][classes] of one augmentation epoch, -1: of none.
  struct Kept {
    int epoch = -1;
    std::vector<Half> log_q;
  };
  std::size_t place(int epoch) const;
  void keep(std::span<const std::vector<float>> probabilities, std::span<const std::int64_t> numbers);

  Device device_;
  std::size_t images_, classes_;
  std::vector<InferencePlan> stages_;
  Softmax softmax_;
  Combiner combiner_;
  Array<float> probabilities_;  // [max_batch][classes]
  Array<Half> rows_;            // [max_batch][classes]
  std::vector<Kept> kept_;
  int asked_ = -1;  // the augmentation epoch that is being asked for
};

}  // namespace cascadecl
