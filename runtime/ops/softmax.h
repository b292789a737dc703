#pragma once
#include <vector>

#include "runtime/opencl/device.h"

namespace cascadecl {

// Label probabilities of logits, stable for logits of any size.
class Softmax {
 public:
  Softmax(const Device& device, int classes);
  // logits [n][classes] -> rows first ... first + n - 1 of probabilities [...][classes].
  void run(int n, const Array<float>& logits, const Array<float>& probabilities, int first = 0);

 private:
  Device device_;
  Kernel kernel_;
};

// Softmax with cross-entropy, forward and backward in one.
class CrossEntropy {
 public:
  // label_smoothing: the share of the target that goes to all classes alike, 0 to 1 (Szegedy et al. 2016).
  // class_weights [classes]: what loss and gradient of an image are multiplied by, as its label says; empty: all 1.
  CrossEntropy(const Device& device, int classes, float label_smoothing = 0,
               const std::vector<float>& class_weights = {});
  // logits [n][classes], labels [n] ->
  //   loss      [n]           -log of the label's probability, or the mean of it under the smoothed target, times the
  //                           weight of the label; NaN for a label outside 0...classes-1
  //   correct   [n]           1 if the label is the first of the largest logits (top-1), else 0
  //   gradient  [n][classes]  of weight * loss by the logits; weight is 1/n for the mean over the batch, or
  //                           1 / (sum of the labels' weights) for the weighted mean
  void run(int n, const Array<float>& logits, const Array<int>& labels, float weight, const Array<float>& loss,
           const Array<float>& correct, const Array<float>& gradient);

 private:
  Device device_;
  float label_smoothing_;
  Array<float> class_weights_;
  Kernel kernel_;
};

// Running sums of loss and correct answers on the device, so that they need to be read only rarely. The order of
// summation is fixed, and twice the precision keeps them right over many batches.
class MetricSum {
 public:
  explicit MetricSum(const Device& device);
  void reset();
  // Adds loss [n] and correct [n].
  void add(int n, const Array<float>& loss, const Array<float>& correct);

  struct Sums {
    double loss = 0, correct = 0;
  };
  Sums read() const;  // waits for the queue

 private:
  Device device_;
  Kernel kernel_;
  Array<float> sums_;
};

}  // namespace cascadecl
