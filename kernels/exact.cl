// exact: the expected reward J of each image summed over all exits and labels, and its gradient.
//   V_k = -E[L] - exit_penalty[k]   U_last = V_last   U_t = pi_t V_t + (1 - pi_t) U_{t+1}   J = U_0
//   dJ/dz_t = reach_t pi_t (1 - pi_t) (V_t - U_{t+1}),   reach_t = product over s < t of (1 - pi_s)
//   dJ/dlogit_{k,c} = Pi(k) m (1 - C_y)^(m-1) C_y ((c == y) - C_c) for m = top_k labels drawn; 0 if argmax
//   exact_gradient   of -mean over images of J - entropy bonus, weighted by reach
//   stopping_outcome outcome [3][rows]: J; the exit of an image that stops where pi >= 1/2; 1 if that stage is right
//   Arrays as in reinforce.cl.   global id: 0 = image of the batch
#include "stopping.h"

// The reward expected on stopping at stage k.
static inline float stop_value(EstimatorScalars s, global const float* probabilities, size_t place, int k, int label,
                               global const float* exit_penalty) {
  global const float* row = probabilities + ((size_t)k * s.rows + place) * CLASSES;
  return -expected_error(row, label, s.top_k, s.argmax) - exit_penalty[k];
}

// The gradient by class logit c of minus the expected error.
static inline float answer_gradient(global const float* row, int c, int label, int top_k, int argmax) {
  if (argmax) return 0.0f;
  return top_k * pown(1.0f - row[label], top_k - 1) * row[label] * ((c == label ? 1.0f : 0.0f) - row[c]);
}

kernel void exact_gradient(EstimatorScalars s, global const float* probabilities, global const int* images,
                           global const int* labels, global const float* exit_penalty, global const float* stop_logit,
                           global float* expected_reward, global float* stop_gradient, global float* class_gradient) {
  const size_t image = get_global_id(0), place = row_of(images, s.first, image);
  const int label = labels[place];
  float reach[STAGES];
  reach[0] = 1.0f;
  for (int t = 0; t < POLICIES; ++t) reach[t + 1] = reach[t] * continue_probability(stop_logit[t * s.stride + image]);

  float later = stop_value(s, probabilities, place, POLICIES, label, exit_penalty);
  for (int t = POLICIES - 1; t >= 0; --t) {
    const float z = stop_logit[t * s.stride + image], stop = stop_probability(z), go_on = continue_probability(z);
    const float now = stop_value(s, probabilities, place, t, label, exit_penalty);
    const float ascent = stop * go_on * (now - later) + s.entropy * entropy_gradient(z);
    stop_gradient[t * s.stride + image] = -reach[t] * ascent / (float)s.images;
    later = stop * now + go_on * later;
  }
  expected_reward[image] = later;
  if (!class_gradient) return;
  for (int t = 0; t < STAGES; ++t) {
    const float stop = t < POLICIES ? stop_probability(stop_logit[t * s.stride + image]) : 1.0f;
    global const float* row = probabilities + ((size_t)t * s.rows + place) * CLASSES;
    global float* to = class_gradient + ((size_t)t * s.stride + image) * CLASSES;
    for (int c = 0; c < CLASSES; ++c)
      to[c] = -reach[t] * stop * answer_gradient(row, c, label, s.top_k, s.argmax) / (float)s.images;
  }
}

kernel void stopping_outcome(EstimatorScalars s, global const float* probabilities, global const int* labels,
                             global const float* exit_penalty, global const float* stop_logit, global float* outcome) {
  const size_t image = get_global_id(0), place = row_of(0, s.first, image);
  const int label = labels[place];
  float expected = stop_value(s, probabilities, place, POLICIES, label, exit_penalty);
  int exit = POLICIES;
  for (int t = POLICIES - 1; t >= 0; --t) {
    const float z = stop_logit[t * s.stride + image];
    expected = stop_probability(z) * stop_value(s, probabilities, place, t, label, exit_penalty) +
               continue_probability(z) * expected;
    if (z >= 0.0f) exit = t;
  }
  outcome[place] = expected;
  outcome[s.rows + place] = (float)exit;
  outcome[2 * (size_t)s.rows + place] =
      in_top(probabilities + ((size_t)exit * s.rows + place) * CLASSES, label, s.top_k) ? 1.0f : 0.0f;
}
