#include <algorithm>
#include <cmath>

#include "data/files/random.h"
#include "tests/support/reference_policy.h"

namespace cascadecl::reference {
namespace {

std::size_t size(int count) { return static_cast<std::size_t>(count); }

// The random numbers of kernels/stopping.h.
constexpr std::uint64_t purpose = 0x73746F70, exit_stream = 0, label_stream = 0x10000;

double uniform(const ReinforceCase& c, int image, std::uint64_t stream, int i) {
  const std::uint64_t low = static_cast<std::uint64_t>(image) | (stream + static_cast<std::uint64_t>(i / 4)) << 32;
  const auto words = philox(c.seed, low, c.step | purpose << 32);
  return (words[size(i % 4)] >> 8) * 0x1p-24;
}

bool in_top(const Values& row, int label, int top_k) {
  int before = 0;
  for (std::size_t c = 0; c < row.size(); ++c)
    before += row[c] > row[size(label)] || (row[c] == row[size(label)] && c < size(label));
  return before < top_k;
}

double expected_error(const StoppingProblem& p, const Values& row, int label) {
  if (p.reward_label == RewardLabel::argmax) return in_top(row, label, p.top_k) ? 0 : 1;
  return std::pow(1 - row[size(label)], p.top_k);
}

double entropy_gradient(double z) { return -z * sigmoid(z) * sigmoid(-z); }

Values stop_logits_of(const StoppingProblem& p, const Values& stop_logit, int image) {
  Values z;
  for (int t = 0; t + 1 < p.stages; ++t) z.push_back(stop_logit[size(t * p.n + image)]);
  return z;
}

struct Sample {
  int exit = 0;
  std::vector<int> labels;
  double reward = 0, weight = 0;
};

double stop_score(double z, int t, int exit) { return t < exit ? -sigmoid(z) : t == exit ? sigmoid(-z) : 0; }

Values class_score(const Values& row, const std::vector<int>& labels) {
  Values score;
  for (const double probability : row) score.push_back(-static_cast<double>(labels.size()) * probability);
  for (const int label : labels) score[size(label)] += 1;
  return score;
}

int draw_label(const Values& row, double u) {
  double below = 0;
  for (std::size_t c = 0; c + 1 < row.size(); ++c)
    if (u < (below += row[c])) return static_cast<int>(c);
  return static_cast<int>(row.size()) - 1;
}

Sample draw(const StoppingProblem& p, const Values& z, int image, const ReinforceCase& c) {
  Sample sample;
  while (sample.exit + 1 < p.stages && !(uniform(c, image, exit_stream, sample.exit) < sigmoid(z[size(sample.exit)])))
    ++sample.exit;
  const Values row = p.row(sample.exit, image);
  const int label = p.labels[size(image)];
  for (int d = 0; d < p.top_k; ++d) sample.labels.push_back(draw_label(row, uniform(c, image, label_stream, d)));
  const bool right = p.reward_label == RewardLabel::argmax
                         ? in_top(row, label, p.top_k)
                         : std::count(sample.labels.begin(), sample.labels.end(), label) > 0;
  sample.reward = -(right ? 0.0 : 1.0) - p.exit_penalty[size(sample.exit)];
  return sample;
}

double weight_of(const StoppingProblem& p, const Sample& sample, const Values& z, int image, const Values& score_norm,
                 const Values& feature_norm, bool class_gradient) {
  double weight = 0;
  for (int t = 0; t + 1 < p.stages; ++t)
    weight += std::pow(stop_score(z[size(t)], t, sample.exit), 2) * score_norm[size(t * p.n + image)];
  if (!class_gradient) return weight;
  double norm = 0;
  for (const double score : class_score(p.row(sample.exit, image), sample.labels)) norm += score * score;
  return weight + norm * (1 + (feature_norm.empty() ? 0 : feature_norm[size(sample.exit * p.n + image)]));
}

double weighted_mean(const std::vector<Sample>& samples, std::size_t begin, std::size_t end, bool weighted) {
  double sum = 0, weights = 0;
  for (std::size_t i = begin; i < end; ++i) {
    const double weight = weighted ? samples[i].weight : 1;
    sum += weight * samples[i].reward;
    weights += weight;
  }
  if (weights > 0) return sum / weights;
  return weighted && end > begin ? weighted_mean(samples, begin, end, false) : 0;
}

double baseline_for(const std::vector<Sample>& samples, std::size_t image, Baseline baseline) {
  const std::size_t n = samples.size(), half = n / 2;
  switch (baseline) {
    case Baseline::mean:
      return weighted_mean(samples, 0, n, false);
    case Baseline::variance:
      return weighted_mean(samples, 0, n, true);
    case Baseline::variance_split:
      return image < half ? weighted_mean(samples, half, n, true) : weighted_mean(samples, 0, half, true);
    case Baseline::none:
      break;
  }
  return 0;
}

StoppingGradient zero_gradient(const StoppingProblem& p) {
  return {.reward = Values(size(p.n), 0.0),
          .stop_gradient = Values(size((p.stages - 1) * p.n), 0.0),
          .class_gradient = Values(size(p.stages * p.n * p.classes), 0.0),
          .exits = std::vector<int>(size(p.n), 0)};
}

double* class_row(StoppingGradient& gradient, const StoppingProblem& p, int stage, int image) {
  return &gradient.class_gradient[size((stage * p.n + image) * p.classes)];
}

}  // namespace

Values StoppingProblem::row(int stage, int image) const {
  const auto begin = probabilities.begin() + (stage * n + image) * classes;
  return Values(begin, begin + classes);
}

Values exit_probabilities(const Values& stop_logits) {
  Values exits;
  double reach = 1;
  for (const double z : stop_logits) {
    exits.push_back(reach * sigmoid(z));
    reach *= sigmoid(-z);
  }
  exits.push_back(reach);
  return exits;
}

StoppingGradient exact_gradient(const StoppingProblem& p, const Values& stop_logit, double entropy) {
  StoppingGradient gradient = zero_gradient(p);
  for (int image = 0; image < p.n; ++image) {
    const Values z = stop_logits_of(p, stop_logit, image), exits = exit_probabilities(z);
    const int label = p.labels[size(image)];
    Values value;
    for (int k = 0; k < p.stages; ++k)
      value.push_back(-expected_error(p, p.row(k, image), label) - p.exit_penalty[size(k)]);
    for (int k = 0; k < p.stages; ++k) gradient.reward[size(image)] += exits[size(k)] * value[size(k)];
    // d Pi(k) / dz_t = Pi(k) times the score of t at exit k, and Pi(k) V_k summed.
    double reach = 1;
    for (int t = 0; t + 1 < p.stages; ++t) {
      double ascent = reach * entropy * entropy_gradient(z[size(t)]);
      for (int k = t; k < p.stages; ++k) ascent += exits[size(k)] * stop_score(z[size(t)], t, k) * value[size(k)];
      gradient.stop_gradient[size(t * p.n + image)] = -ascent / p.n;
      reach *= sigmoid(-z[size(t)]);
    }
    if (p.reward_label == RewardLabel::argmax) continue;
    for (int k = 0; k < p.stages; ++k) {
      const Values row = p.row(k, image);
      const double right = row[size(label)], slope = p.top_k * std::pow(1 - right, p.top_k - 1) * right;
      for (int c = 0; c < p.classes; ++c)
        class_row(gradient, p, k, image)[c] = -exits[size(k)] * slope * ((c == label) - row[size(c)]) / p.n;
    }
  }
  return gradient;
}

StoppingGradient reinforce_gradient(const StoppingProblem& p, const Values& stop_logit, const Values& score_norm,
                                    const Values& feature_norm, const ReinforceCase& settings) {
  std::vector<Sample> samples;
  for (int image = 0; image < p.n; ++image) {
    const Values z = stop_logits_of(p, stop_logit, image);
    Sample sample = draw(p, z, image, settings);
    sample.weight = weight_of(p, sample, z, image, score_norm, feature_norm, settings.class_gradient);
    samples.push_back(sample);
  }
  StoppingGradient gradient = zero_gradient(p);
  for (int image = 0; image < p.n; ++image) {
    const Sample& sample = samples[size(image)];
    const double advantage = sample.reward - baseline_for(samples, size(image), settings.baseline);
    const Values z = stop_logits_of(p, stop_logit, image);
    for (int t = 0; t + 1 < p.stages && t <= sample.exit; ++t) {
      const double ascent =
          stop_score(z[size(t)], t, sample.exit) * advantage + settings.entropy * entropy_gradient(z[size(t)]);
      gradient.stop_gradient[size(t * p.n + image)] = -ascent / p.n;
    }
    const Values score = class_score(p.row(sample.exit, image), sample.labels);
    for (int c = 0; c < p.classes; ++c)
      class_row(gradient, p, sample.exit, image)[c] = -advantage * score[size(c)] / p.n;
    gradient.reward[size(image)] = sample.reward;
    gradient.exits[size(image)] = sample.exit;
  }
  return gradient;
}

}  // namespace cascadecl::reference
