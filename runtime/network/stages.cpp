#include "runtime/network/stages.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "data/files/error.h"
#include "data/files/text_file.h"
#include "runtime/network/zoo.h"

namespace cascadecl {
namespace {

constexpr std::size_t max_stages = 64;

Network read_layer_list(const std::string& path) {
  try {
    return Network::from_json(read_text_file(path));
  } catch (const FileError& error) {
    const std::string text = error.what();
    throw FileError(text.starts_with(path) ? text : fmt::format("{}: {}", path, text));
  }
}

Network parse_stage(const std::string& entry, ImageShape input, int classes) {
  if (!entry.ends_with(".json")) return make_network(entry, input, classes);
  Network network = read_layer_list(entry);
  if (network.input_shape() != input || network.classes() != classes)
    throw UsageError(fmt::format("stage {}: takes images {} of {} classes, needed are {} and {}", entry,
                                 to_string(network.input_shape()), network.classes(), to_string(input), classes));
  return network;
}

}  // namespace

std::vector<Network> parse_stages(std::string_view text, ImageShape input, int classes) {
  std::vector<Network> networks;
  while (true) {
    const std::size_t end = std::min(text.find(','), text.size());
    if (end == 0)
      throw UsageError(
          fmt::format("stage {} is empty: expected a list such as resnet-8,resnet-20", networks.size() + 1));
    if (networks.size() == max_stages) throw UsageError(fmt::format("more than {} stages", max_stages));
    networks.push_back(parse_stage(std::string(text.substr(0, end)), input, classes));
    if (end == text.size()) return networks;
    text.remove_prefix(end + 1);
  }
}

}  // namespace cascadecl
