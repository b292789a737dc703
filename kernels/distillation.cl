// distillation: makes a loss follow a teacher's answers beside the labels (Hinton et al. 2015, "Distilling the
// Knowledge in a Neural Network").
//   logits, gradient [N][CLASSES]   teacher half [N][CLASSES]: log q, up to a constant of the image   loss [N]
//   global id: 0 = image n
//   p_T = softmax(logits / T)   q_T = softmax(log q / T)
//   loss[n]       = (1 - share) * loss[n] + share * T^2 * sum over c of q_T[c] * (log q_T[c] - log p_T[c])
//   gradient[n,c] = (1 - share) * gradient[n,c] + weight * share * T * (p_T[c] - q_T[c])
// loss and gradient hold those of the labels before, where the gradient is that of weight * loss.
#ifndef CLASSES
#define CLASSES 10
#endif

kernel void distil(global const float* logits, global const half* teacher, float weight, float share, float temperature,
                   global float* loss, global float* gradient) {
  const size_t first = get_global_id(0) * CLASSES;
  float largest_p = -INFINITY, largest_q = -INFINITY;
  for (int c = 0; c < CLASSES; ++c) {
    largest_p = fmax(largest_p, logits[first + c]);
    largest_q = fmax(largest_q, vload_half(first + c, teacher));
  }
  float sum_p = 0.0f, sum_q = 0.0f;
  for (int c = 0; c < CLASSES; ++c) {
    sum_p += exp((logits[first + c] - largest_p) / temperature);
    sum_q += exp((vload_half(first + c, teacher) - largest_q) / temperature);
  }
  const float log_sum_p = log(sum_p), log_sum_q = log(sum_q);
  float divergence = 0.0f;
  for (int c = 0; c < CLASSES; ++c) {
    const float log_p = (logits[first + c] - largest_p) / temperature - log_sum_p;
    const float log_q = (vload_half(first + c, teacher) - largest_q) / temperature - log_sum_q;
    const float p = exp(log_p), q = exp(log_q);
    divergence += q * (log_q - log_p);
    gradient[first + c] = (1.0f - share) * gradient[first + c] + weight * share * temperature * (p - q);
  }
  loss[get_global_id(0)] = (1.0f - share) * loss[get_global_id(0)] + share * temperature * temperature * divergence;
}
