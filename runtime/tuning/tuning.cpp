#include "runtime/tuning/tuning.h"

#include "runtime/tuning/shipped.h"

namespace cascadecl {

std::optional<Tuning::Found> Tuning::find(const TuningKey& key) {
  asked_.insert(key);
  for (const Layer& layer : layers_) {
    const auto found = layer.table.find(key);
    if (found != layer.table.end()) return Found{found->second.values, layer.source};
  }
  return std::nullopt;
}

void Tuning::drop(const TuningKey& key, TuningSource source) {
  for (Layer& layer : layers_) {
    if (layer.source == source) layer.table.erase(key);
  }
}

TuningTable shipped_tuning(const std::string& device_class) {
  const auto text = shipped_tuning_texts().find(device_class);
  if (text == shipped_tuning_texts().end()) return {};
  std::optional<TuningFile> file = parse_tuning_file(text->second, device_class, {});
  return file ? std::move(file->table) : TuningTable{};
}

}  // namespace cascadecl
