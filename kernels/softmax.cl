// softmax: label probabilities of logits, and cross-entropy with its gradient.
//   logits, probabilities, gradient [N][CLASSES]   labels int [N]   loss, correct [N]   class_weights [CLASSES]
//   global id: 0 = image n
//   softmax_rows   probabilities[first + n,c] = exp(logits[n,c] - m) / sum over k of exp(logits[n,k] - m),
//                  m = the largest of the image
//   cross_entropy  target[c] = (1 - smoothing) * (c == labels[n]) + smoothing / CLASSES
//                  w = class_weights[labels[n]]
//                  loss[n] = -w * sum over c of target[c] * log probabilities[n,c]
//                  correct[n] = 1 if labels[n] is the first of the largest logits, else 0
//                  gradient[n,c] = weight * w * (probabilities[n,c] - target[c])
// A label outside 0 ... CLASSES-1 gives loss NaN and is never correct.
#ifndef CLASSES
#define CLASSES 10
#endif

// The first of the largest values.
static inline int argmax(global const float* row) {
  int best = 0;
  for (int c = 1; c < CLASSES; ++c)
    if (row[c] > row[best]) best = c;
  return best;
}

// Writes the probabilities of a row, times `weight`; returns the logarithm of the sum of the exponentials (less m).
static inline float normalise(global const float* row, float maximum, float weight, global float* to) {
  float sum = 0.0f;
  for (int c = 0; c < CLASSES; ++c) {
    const float e = exp(row[c] - maximum);
    to[c] = e;
    sum += e;
  }
  const float factor = weight / sum;
  for (int c = 0; c < CLASSES; ++c) to[c] *= factor;
  return log(sum);
}

kernel void softmax_rows(global const float* logits, global float* probabilities, int first) {
  const size_t n = get_global_id(0);
  global const float* row = logits + n * CLASSES;
  normalise(row, row[argmax(row)], 1.0f, probabilities + (first + n) * CLASSES);
}

kernel void cross_entropy(global const float* logits, global const int* labels, global const float* class_weights,
                          global float* loss, global float* correct, global float* gradient, float weight,
                          float smoothing) {
  const size_t n = get_global_id(0);
  global const float* row = logits + n * CLASSES;
  global float* to = gradient + n * CLASSES;
  const int best = argmax(row), label = labels[n];
  const bool known = label >= 0 && label < CLASSES;
  const float of_class = known ? class_weights[label] : 1.0f;
  const float share = weight * of_class;
  const float log_sum = normalise(row, row[best], share, to);
  if (known) to[label] -= share;
  float entropy = known ? log_sum - (row[label] - row[best]) : NAN;
  if (known && smoothing > 0.0f) {
    // Moves `smoothing` of the target from the label to all classes alike.
    float sum = 0.0f;
    for (int c = 0; c < CLASSES; ++c) {
      sum += row[c] - row[label];
      to[c] -= share * smoothing / CLASSES;
    }
    to[label] += share * smoothing;
    entropy -= smoothing * sum / CLASSES;
  }
  loss[n] = of_class * entropy;
  correct[n] = best == label ? 1.0f : 0.0f;
}
