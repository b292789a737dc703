#include "cli/import_result.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <span>
#include <string_view>

#include "cli/dataset_info.h"
#include "cli/output.h"
#include "runtime/foreign_text.h"

namespace cascadecl {
namespace {

using nlohmann::ordered_json;
namespace fs = std::filesystem;

constexpr std::size_t most_named = 5;  // of each kind, in text

struct Kind {
  std::string_view key, text;
  std::span<const fs::path> paths;
};

std::array<Kind, 4> kinds_of(const LeftOut& left_out) {
  return {{{"ignored", "files that are not called as images are", left_out.others},
           {"hidden", "hidden files and folders", left_out.hidden},
           {"outside", "files beside the folders of the classes", left_out.outside},
           {"circular_links", "links to a folder that they lie in", left_out.circles}}};
}

ordered_json to_json(std::span<const fs::path> paths) {
  ordered_json json = ordered_json::array();
  for (const fs::path& path : paths) json.push_back(valid_utf8(path.string()));
  return json;
}

void add_files(const ImageFolderResult& files, ordered_json& json) {
  ordered_json skipped = ordered_json::array(), left_out = ordered_json::object();
  for (const ImportedFiles::Skipped& image : files.skipped)
    skipped.push_back({{"file", valid_utf8(image.file.string())}, {"problem", valid_utf8(image.problem)}});
  for (const Kind& kind : kinds_of(files.left_out)) left_out[std::string(kind.key)] = to_json(kind.paths);
  json["images"] = files.images;
  json["skipped_images"] = files.skipped.size();
  json["skipped"] = skipped;
  json["ignored_files"] = files.left_out.others.size();
  json["left_out"] = left_out;
  json["unlabelled_splits"] = files.unlabelled;
}

void print_files(const ImageFolderResult& files) {
  const auto count = [](std::size_t size) { return grouped(static_cast<long long>(size)); };
  if (!files.skipped.empty()) {
    print_line(fmt::format("\nskipped {} broken images:", count(files.skipped.size())));
    for (const ImportedFiles::Skipped& image : files.skipped) print_line("  " + shown_line(image.problem));
  }
  for (const Kind& kind : kinds_of(files.left_out)) {
    if (kind.paths.empty()) continue;
    print_line(fmt::format("\nleft out {} {}:", count(kind.paths.size()), kind.text));
    for (const fs::path& path : kind.paths.first(std::min(most_named, kind.paths.size())))
      print_line("  " + shown_line(path.string()));
    if (kind.paths.size() > most_named) print_line("  ...");
  }
  for (const std::string& split : files.unlabelled)
    print_line(fmt::format("\nleft out the split {}: it has no folder of a class", shown_line(split)));
}

}  // namespace

void print_import_result(const ImportResult& result, bool json) {
  if (json) {
    ordered_json info = dataset_info_json(result.facts);
    if (result.files) add_files(*result.files, info);
    info["notes"] = ordered_json::array();
    for (const std::string& note : result.notes) info["notes"].push_back(valid_utf8(note));
    return print_json(info);
  }
  print(dataset_info_text(result.facts));
  if (result.files) print_files(*result.files);
  for (const std::string& note : result.notes) print_line("\nnote: " + shown_line(note));
}

}  // namespace cascadecl
