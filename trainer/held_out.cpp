#include "trainer/held_out.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "data/files/error.h"
#include "runtime/foreign_text.h"

namespace cascadecl {

TrainSettings settings_of(const Model& model) {
  const auto training = nlohmann::json::parse(model.training, nullptr, false);
  TrainSettings kept;
  try {
    const auto& settings = training.at("settings");
    settings.at("seed").get_to(kept.seed);
    settings.at("validation_share").get_to(kept.validation_share);
    settings.at("batch_size").get_to(kept.batch_size);
    settings.at("momentum").get_to(kept.momentum);
    settings.at("weight_decay").get_to(kept.weight_decay);
    settings.at("augment").get_to(kept.augment);
    if (settings.contains("flip")) kept.flip = parse_flip(settings.at("flip").get<std::string>());
  } catch (const nlohmann::json::exception&) {
    throw UsageError("further training: the model does not tell how it was trained");
  }
  return kept;
}

std::vector<std::int64_t> held_out_images(const Model& model, const Dataset& train) {
  const auto training = nlohmann::json::parse(model.training, nullptr, false);
  double share = 0;
  std::uint64_t seed = 0;
  std::string name;
  std::int64_t images = 0;
  std::string labels = fingerprint(train.labels());
  const std::string labels_here = labels;
  try {
    const auto& settings = training.at("settings");
    share = settings.at("validation_share").get<double>();
    seed = settings.at("seed").get<std::uint64_t>();
    name = settings.at("data").get<std::string>();
    images = settings.at("images").get<std::int64_t>();
    if (settings.contains("labels")) settings.at("labels").get_to(labels);
  } catch (const nlohmann::json::exception&) {
    throw UsageError("held-out images: the model does not tell which it was trained on; name a split of other images");
  }
  if (name != valid_utf8(train.header().name) || images != train.size())
    throw UsageError(fmt::format("held-out images: the model was trained on {} images of {}, not on these {} of {}",
                                 images, name, train.size(), train.header().name));
  if (labels != labels_here)
    throw UsageError(fmt::format("held-out images: the model was trained on other labels of the {} images of {}",
                                 images, train.header().name));
  std::vector<std::int64_t> held_out = split_validation(train.labels(), share, seed).held_out;
  if (held_out.empty())
    throw UsageError("held-out images: the stages were trained on all of them; name a split of other images");
  return held_out;
}

}  // namespace cascadecl
