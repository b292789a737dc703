#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "runtime/study/answers/cascade_table.h"
#include "runtime/study/tradeoff/decide.h"
#include "trainer/train_phases.h"

namespace cascadecl {
namespace {

using nlohmann::ordered_json;

// Whether the model's policies have learned, in this training or before.
bool has_learned_policies(const Training& training) {
  const TrainSettings& settings = training.settings;
  return training.has_policies() && (settings.policy || settings.joint || !settings.pretrain);
}

// What the model does with the held-out images, which have judged nothing but its policies so far.
ordered_json held_out_figures(const Training& training, int batch) {
  const Model& model = training.state.model;
  CascadeTable table =
      cascade_table(model, training.device(), training.data, training.split.held_out, {.max_batch = batch});
  ordered_json stages = ordered_json::array();
  for (std::size_t k = 0; k < table.stages(); ++k)
    stages.push_back({{"network", model.stages[k].network.name()}, {"top1", simulate_static(table, k).top1}});
  ordered_json figures = {{"images", table.images()}, {"stages", stages}};
  if (!has_learned_policies(training) && !model.decision) return figures;
  const Simulation cascade = simulate_model(model, std::move(table), training.device());
  figures["top1"] = cascade.top1;
  figures["mac_fraction"] = cascade.mac_fraction;
  figures["stopped"] = cascade.stopped;
  return figures;
}

}  // namespace

std::string_view to_string(Refit refit) {
  return refit == Refit::none ? "none" : refit == Refit::all ? "all" : "continue";
}

int epochs_left_out(Refit refit, int epochs) { return refit == Refit::continued ? epochs - (epochs + 2) / 3 : 0; }

void prepare_refit(Training& training) {
  TrainState& state = training.state;
  const int batch = images_at_once(training.settings.batch_size, training.settings.micro_batch);
  const std::string decision = training.observer.before_refit(state.model, training.split.held_out, batch);
  ordered_json before = held_out_figures(training, batch);
  before["decision"] = decision.empty() ? ordered_json(nullptr) : ordered_json::parse(decision);
  state.before_refit = before.dump();
  training.observer.on_note(
      fmt::format("refit: all held-out figures are of the model as it is now; its stages go on to learn from all {} "
                  "images, and policies, weights and temperatures stay",
                  training.data.size()));
  training.save();
}

}  // namespace cascadecl
