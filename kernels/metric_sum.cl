// metric_sum: adds the loss and the correct answers of a batch to running sums.
//   loss, correct [N]   sums [4] = loss high, loss low, correct high, correct low
//   one work-item; adds in the order of the images, in twice the precision of float: the total is high + low, the two
//   renormalised after each addition (Knuth's exact sum of two floats).

static inline void add(float* high, float* low, float value) {
  const float sum = *high + value, part = sum - *high;
  const float error = (*high - (sum - part)) + (value - part);
  const float rest = *low + error;
  *high = sum + rest;
  *low = rest - (*high - sum);
}

kernel void metric_sum(global const float* loss, global const float* correct, global float* sums, int images) {
  float state[4] = {sums[0], sums[1], sums[2], sums[3]};
  for (int n = 0; n < images; ++n) {
    add(&state[0], &state[1], loss[n]);
    add(&state[2], &state[3], correct[n]);
  }
  for (int i = 0; i < 4; ++i) sums[i] = state[i];
}
