// estimator_scalars.h: the scalar arguments of the estimators' kernels, which the host fills and they take by value.
#ifndef ESTIMATOR_SCALARS_H
#define ESTIMATOR_SCALARS_H

typedef struct {
  int images;         // in the batch
  int rows;           // label probabilities of a stage: [STAGES][rows][CLASSES]
  int first;          // image i of the batch lies in row images[first + i], or in row first + i (stopping.h)
  int stride;         // from one stage to the next in arrays of the batch, such as the stop logits
  int top_k;          // labels drawn for an answer
  int argmax;         // 1: an answer is the most probable labels, none are drawn
  int learn_classes;  // 1: the stages learn too
  int baseline;       // a BASELINE_ of reinforce.cl
  float entropy;      // weight of the entropy bonus
  unsigned int seed_low, seed_high, step;  // of the random numbers
} EstimatorScalars;

#endif
