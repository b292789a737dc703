#include "cli/report/cost_section.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

#include "cli/output.h"
#include "cli/report/training_section.h"
#include "runtime/study/answers/reliability.h"
#include "runtime/study/tradeoff/operating_point.h"

namespace cascadecl {
namespace {

using nlohmann::ordered_json;

ordered_json spread_json(const Spread& spread) {
  return {{"mean", spread.mean}, {"deviation", number_or_null(spread.deviation)}, {"runs", spread.runs}};
}
ordered_json spread_json(const std::optional<Spread>& spread) {
  return spread ? spread_json(*spread) : ordered_json(nullptr);
}
ordered_json single_json(std::optional<double> value) {
  return value ? spread_json(Spread{.runs = 1, .mean = *value}) : ordered_json(nullptr);
}

// "alpha 0.05", "0.9", a stage's name; what tells the points of one series apart.
std::string setting_of(const OperatingPoint& point, const Sweep& sweep) {
  if (point.alpha) {
    const double threshold = point.parameter.value_or(0.5);  // as policies are trained
    return fmt::format("alpha {:g}", *point.alpha) +
           (threshold != 0.5 ? fmt::format(", threshold {:g}", threshold) : "");
  }
  if (!point.parameter) return "";
  const double parameter = *point.parameter;
  if (point.policy == "static" && parameter >= 0 && parameter < static_cast<double>(sweep.stages.size())) {
    return sweep.stages[static_cast<std::size_t>(parameter)].network;
  }
  return fmt::format("{:g}", parameter);
}

// Names of series are told apart where it matters: by how answers are combined, and by their source.
std::string series_of(const OperatingPoint& point, const std::vector<OperatingPoint>& points,
                      const std::string& source) {
  std::set<std::string> combines;
  for (const OperatingPoint& other : points) {
    if (other.policy == point.policy && other.joint_loss == point.joint_loss) combines.insert(other.combine);
  }
  std::string name = policy_title(point.policy, point.joint_loss);
  if (combines.size() > 1 && !point.combine.empty()) name += fmt::format(", {}", point.combine);
  return source.empty() ? name : fmt::format("{} · {}", name, source);
}

ordered_json point_json(const OperatingPoint& point, const std::string& series, const Sweep& sweep,
                        std::size_t source) {
  return {{"source", source},
          {"series", series},
          {"policy", point.policy},
          {"frozen", point.joint_loss.empty()},
          {"setting", setting_of(point, sweep)},
          {"combine", point.combine},
          {"runs", point.runs},
          {"top1", spread_json(point.top1)},
          {"mmac", spread_json(point.mmac_per_image)},
          {"mac_fraction", spread_json(point.mac_fraction)},
          {"ms", spread_json(point.ms_per_image)},
          {"mj", spread_json(point.mj_per_image)},
          {"exit_shares", point.exit_shares}};
}

ordered_json stage_point_json(const SweepStage& stage, const Sweep& sweep, const std::string& series,
                              std::size_t source) {
  const double largest = sweep.stages[sweep.largest_stage()].mmac;
  return {{"source", source},
          {"series", series},
          {"policy", "static"},
          {"frozen", true},
          {"setting", stage.network},
          {"combine", ""},
          {"runs", 1},
          {"top1", single_json(stage.top1)},
          {"mmac", single_json(stage.mmac)},
          {"mac_fraction", single_json(stage.mmac / largest)},
          {"ms", single_json(stage.ms_per_image)},
          {"mj", single_json(stage.mj_per_image)},
          {"exit_shares", ordered_json::array()}};
}

bool same_stage(const SweepStage& a, const SweepStage& b) {
  return a.network == b.network && a.mmac == b.mmac && a.top1 == b.top1;
}

// The paper's Table 2, one for all sources: the stages alone, each once, and then the cascades. Of a sweep that is the
// cheapest learned point as accurate as the best stage alone, of models all.
class Table2 {
 public:
  void add(const CostSource& source, std::size_t index, const std::vector<OperatingPoint>& points) {
    const Sweep& sweep = source.sweep;
    largest_ = sweep.stages[sweep.largest_stage()].mmac;
    double best = 0;
    for (const SweepStage& stage : sweep.stages) {
      best = std::max(best, stage.top1);
      if (std::ranges::any_of(listed_, [&](const SweepStage& other) { return same_stage(other, stage); })) continue;
      listed_.push_back(stage);
      stages_.push_back(row(index, stage.network, single_json(stage.top1), single_json(stage.mmac), false));
    }
    const auto add_point = [&](const OperatingPoint& point) {
      if (point.policy == "static") return;  // a stage alone
      const std::string setting = setting_of(point, sweep);
      const std::string name = policy_title(point.policy, point.joint_loss) + (setting.empty() ? "" : ", " + setting);
      cascades_.push_back(row(index, name, spread_json(point.top1), spread_json(point.mmac_per_image), true));
    };
    for (const std::string& joint_loss : joint_losses(points)) {
      if (source.models) {
        for (const OperatingPoint& point : points) {
          if (point.joint_loss == joint_loss) add_point(point);
        }
      } else if (const auto match = matching_point(points, "learned", joint_loss, best)) {
        add_point(points[*match]);
      }
    }
  }

  ordered_json json() const {
    ordered_json rows = stages_;
    for (const ordered_json& cascade : cascades_) rows.push_back(cascade);
    return rows;
  }

 private:
  ordered_json row(std::size_t source, const std::string& network, const ordered_json& top1, const ordered_json& mmac,
                   bool ours) const {
    return {{"source", source},
            {"network", network},
            {"top1", top1},
            {"mmac", mmac},
            {"relative", mmac["mean"].get<double>() / largest_},
            {"ours", ours}};
  }

  double largest_ = 0;  // of the source that is added
  std::vector<SweepStage> listed_;
  ordered_json stages_ = ordered_json::array(), cascades_ = ordered_json::array();
};

SweepStage stage_of(const Model& model, const ModelRun& run, std::size_t k, std::span<const std::int32_t> labels) {
  const StaticEvaluation& alone = run.evaluation.static_stages[k];
  const std::size_t row = run.probabilities.images * run.probabilities.classes;
  const auto probabilities = std::span<const float>(run.probabilities.values).subspan(k * row, row);
  return {.network = alone.network,
          .mmac = alone.mmac,
          .top1 = alone.top1,
          .top5 = alone.top5,
          .ece = reliability(probabilities, labels).expected_calibration_error,
          .temperature = model.temperatures.empty() ? std::nullopt : std::optional(model.temperatures[k]),
          .ms_per_image = 1e3 / alone.images_per_s,
          .mj_per_image = run.stage_mj_per_image[k]};
}

bool same_stages(const Sweep& a, const Sweep& b) {
  return a.images == b.images &&
         std::equal(a.stages.begin(), a.stages.end(), b.stages.begin(), b.stages.end(), same_stage);
}

// Whether a point would be taken for the same run with another seed, and is not.
bool clashes(const Sweep& sweep, const SweepPoint& point) {
  return std::any_of(sweep.points.begin(), sweep.points.end(), [&](const SweepPoint& other) {
    return other.policy == point.policy && other.parameter == point.parameter && other.combine == point.combine &&
           other.alpha == point.alpha && other.joint_loss == point.joint_loss && other.seed == point.seed;
  });
}

}  // namespace

void add_model(std::vector<CostSource>& sources, const std::string& file, const ChosenCascade& cascade,
               const ModelRun& run, std::span<const std::int32_t> labels) {
  const Model& model = cascade.model;
  const TrainingFacts facts = training_facts(model.training);
  const Evaluation& evaluation = run.evaluation;
  const PolicyKind kind = cascade.choice.kind;
  SweepPoint point{.policy = std::string(to_string(kind)),
                   .seed = facts.seed,
                   .joint_loss = facts.joint_loss,
                   .combine = std::string(to_string(*cascade.settings.combine)),
                   .top1 = evaluation.top1,
                   .mmac_per_image = evaluation.mmac_per_image,
                   .mac_fraction = evaluation.mac_fraction,
                   .top5 = evaluation.top5,
                   .ms_per_image = 1e3 / evaluation.images_per_s,
                   .mj_per_image = run.mj_per_image};
  if (kind == PolicyKind::learned) {
    point.alpha = facts.alpha;
    if (cascade.choice.parameter != 0.5) point.parameter = cascade.choice.parameter;
  } else if (kind == PolicyKind::fixed) {
    point.parameter = 0;  // the one stage that ran
  } else if (has_threshold(kind)) {
    point.parameter = cascade.choice.parameter;
  }
  Sweep sweep{.model = file, .images = evaluation.images, .energy_reason = run.energy_reason};
  for (std::size_t k = 0; k < model.stages.size(); ++k) {
    sweep.stages.push_back(stage_of(model, run, k, labels));
    point.stopped.push_back(evaluation.stages[k].stopped);
  }
  for (CostSource& source : sources) {
    if (!source.models || !same_stages(source.sweep, sweep) || clashes(source.sweep, point)) continue;
    source.sweep.points.push_back(point);
    source.name = "models";
    return;
  }
  sweep.points.push_back(point);
  sources.push_back({file, std::move(sweep), true});
}

ordered_json cost_json(const std::vector<CostSource>& sources) {
  ordered_json list = ordered_json::array(), all = ordered_json::array();
  Table2 table2;
  for (std::size_t i = 0; i < sources.size(); ++i) {
    const Sweep& sweep = sources[i].sweep;
    const std::vector<OperatingPoint> points = operating_points(sweep);
    const std::string suffix = sources.size() > 1 ? sources[i].name : "";
    ordered_json networks = ordered_json::array();
    for (const SweepStage& stage : sweep.stages) networks.push_back(stage.network);
    list.push_back({{"name", sources[i].name}, {"networks", networks}, {"energy_reason", sweep.energy_reason}});
    table2.add(sources[i], i, points);
    const auto is_static = [](const OperatingPoint& point) { return point.policy == "static"; };
    if (std::none_of(points.begin(), points.end(), is_static)) {
      const std::string series = suffix.empty() ? "static" : fmt::format("static · {}", suffix);
      for (const SweepStage& stage : sweep.stages) all.push_back(stage_point_json(stage, sweep, series, i));
    }
    for (const OperatingPoint& point : points) {
      all.push_back(point_json(point, series_of(point, points, suffix), sweep, i));
    }
  }
  return {{"sources", list}, {"points", all}, {"table2", table2.json()}};
}

}  // namespace cascadecl
