#include "data/import/csv.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string_view>
#include <utility>

#include "data/dataset_file.h"
#include "data/files/byte_reader.h"
#include "data/files/error.h"

namespace cascadecl {
namespace {

namespace fs = std::filesystem;

constexpr std::int64_t largest_file = std::int64_t{1} << 28;
constexpr std::size_t longest_label = 200;
constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF";

[[noreturn]] void fail(const fs::path& file, int line, const std::string& problem) {
  throw FileError(fmt::format("{}: line {}: {}", file.string(), line, problem));
}

class CsvParser {
 public:
  CsvParser(const fs::path& file, std::string_view text) : file_(file), left_(text) {
    if (left_.starts_with(byte_order_mark)) left_.remove_prefix(byte_order_mark.size());
    separator_ = find_separator();
  }

  std::vector<CsvRecord> parse() {
    std::vector<CsvRecord> records;
    while (!left_.empty()) {
      CsvRecord record{line_, {}};
      do record.fields.push_back(field());
      while (take(separator_));
      end_line();
      if (record.fields.size() > 1 || !record.fields.front().empty()) records.push_back(std::move(record));
    }
    return records;
  }

 private:
  char find_separator() const {
    bool quoted = false;
    char found = ',';
    for (const char c : left_) {
      if (c == '"') quoted = !quoted;
      if (quoted) continue;
      if (c == ',') return c;
      if (c == '\n') break;
      if (found == ',' && (c == ';' || c == '\t')) found = c;
    }
    return found;
  }

  bool take(char c) {
    if (!left_.starts_with(c)) return false;
    left_.remove_prefix(1);
    return true;
  }

  std::string field() {
    if (left_.starts_with('"')) return quoted_field();
    const char ends[] = {separator_, '\n'};
    const std::size_t end = std::min(left_.find_first_of(std::string_view(ends, 2)), left_.size());
    std::string text(left_.substr(0, end));
    left_.remove_prefix(end);
    if (text.ends_with('\r')) text.pop_back();
    return text;
  }

  std::string quoted_field() {
    const int begin = line_;
    std::string text;
    left_.remove_prefix(1);
    for (;;) {
      const std::size_t end = left_.find('"');
      if (end == std::string_view::npos) fail(file_, begin, "a double quote begins a field here, and none ends it");
      text += left_.substr(0, end);
      left_.remove_prefix(end + 1);
      if (!take('"')) break;
      text += '"';
    }
    line_ += static_cast<int>(std::ranges::count(text, '\n'));
    take('\r');
    if (!left_.empty() && !left_.starts_with(separator_) && !left_.starts_with('\n'))
      fail(file_, line_, "text behind the double quote that ends a field");
    return text;
  }

  void end_line() {
    take('\n');
    ++line_;
  }

  const fs::path& file_;
  std::string_view left_;
  char separator_ = ',';
  int line_ = 1;
};

std::string small_letters(std::string text) {
  std::ranges::transform(text, text.begin(), [](unsigned char c) { return std::tolower(c); });
  return text;
}

struct Columns {
  std::size_t file = 0, label = 1;
  std::optional<std::size_t> split;
  bool header = false;
};

std::optional<std::size_t> find_column(const CsvRecord& header, std::span<const std::string_view> names) {
  for (std::size_t i = 0; i < header.fields.size(); ++i)
    if (std::ranges::find(names, small_letters(header.fields[i])) != names.end()) return i;
  return {};
}

Columns columns_of(const fs::path& file, const CsvRecord& first) {
  constexpr std::array<std::string_view, 6> files = {"file", "filename", "file_name", "path", "image", "image_path"};
  constexpr std::array<std::string_view, 5> labels = {"label", "class", "class_name", "category", "target"};
  constexpr std::array<std::string_view, 3> splits = {"split", "set", "subset"};
  const auto file_column = find_column(first, files), label_column = find_column(first, labels);
  if (file_column && label_column) return {*file_column, *label_column, find_column(first, splits), true};
  std::error_code unknown;
  if (!fs::exists(file.parent_path() / first.fields.front(), unknown))
    fail(file, first.line,
         fmt::format("'{}' is no file, and the line is no header; expected columns called file and label, or the name "
                     "of an image and its label",
                     printable(first.fields.front())));
  return {.split = first.fields.size() > 2 ? std::optional<std::size_t>(2) : std::nullopt};
}

struct Entry {
  int line;
  fs::path file;
  std::string label, split;
  bool operator==(const Entry& other) const { return label == other.label && split == other.split; }
};

Entry entry_of(const fs::path& csv, const CsvRecord& record, const Columns& columns) {
  const std::size_t needed = std::max({columns.file, columns.label, columns.split.value_or(0)}) + 1;
  if (record.fields.size() < needed)
    fail(csv, record.line, fmt::format("{} fields, expected {}", record.fields.size(), needed));
  const std::string &name = record.fields[columns.file], &label = record.fields[columns.label];
  if (name.empty() || name.find('\0') != std::string::npos) fail(csv, record.line, "no name of a file");
  if (label.empty() || label.size() > longest_label)
    fail(csv, record.line, fmt::format("a label of {} bytes, expected 1 to {}", label.size(), longest_label));
  Entry entry{record.line, (csv.parent_path() / name).lexically_normal(), label, "train"};
  if (columns.split) entry.split = small_letters(record.fields[*columns.split]);
  if (!is_split_name(entry.split))
    fail(csv, record.line, fmt::format("split '{}', expected letters, digits, _ or -", printable(entry.split)));
  return entry;
}

bool is_number(std::string_view text) {
  return text.size() <= 9 && std::ranges::all_of(text, [](unsigned char c) { return std::isdigit(c) != 0; });
}

std::vector<std::string> names_of(const std::vector<Entry>& entries) {
  std::set<std::string> names;
  for (const Entry& entry : entries) names.insert(entry.label);
  std::vector<std::string> sorted(names.begin(), names.end());
  if (std::ranges::all_of(sorted, is_number))
    std::ranges::stable_sort(sorted, {}, [](const std::string& name) { return std::stoi(name); });
  return sorted;
}

std::vector<Entry> entries_of(const fs::path& csv) {
  const std::vector<CsvRecord> records = read_csv(csv);
  if (records.empty()) throw FileError(fmt::format("{}: lists no image", csv.string()));
  const Columns columns = columns_of(csv, records.front());
  std::vector<Entry> entries;
  std::map<fs::path, std::size_t> known;
  for (const CsvRecord& record : std::span(records).subspan(columns.header ? 1 : 0)) {
    entries.push_back(entry_of(csv, record, columns));
    const auto [first, is_new] = known.emplace(entries.back().file, entries.size() - 1);
    if (!is_new && !(entries[first->second] == entries.back()))
      fail(csv, record.line,
           fmt::format("'{}' stands in line {} with another label or split", printable(record.fields[columns.file]),
                       entries[first->second].line));
  }
  if (entries.empty()) throw FileError(fmt::format("{}: lists no image", csv.string()));
  return entries;
}

}  // namespace

std::vector<CsvRecord> read_csv(const fs::path& file) {
  ByteReader reader(file);
  if (reader.size() > largest_file)
    throw FileError(fmt::format("{}: {} bytes, expected at most {}", file.string(), reader.size(), largest_file));
  const std::string text = reader.text(reader.size());
  return CsvParser(file, text).parse();
}

ImportedFiles import_csv(const fs::path& file, const fs::path& target, const ImageFilesSettings& settings) {
  check_image_dims(settings.dims);
  const std::vector<Entry> entries = entries_of(file);
  LabelledFiles files{.name = file.stem().string(), .label_names = names_of(entries), .splits = {}};
  std::map<std::string_view, std::int32_t> numbers;
  for (const std::string& name : files.label_names) numbers.emplace(name, static_cast<std::int32_t>(numbers.size()));
  for (const Entry& entry : entries) {
    LabelledFiles::Split& split = files.splits[entry.split];
    split.files.push_back(entry.file);
    split.labels.push_back(numbers.at(entry.label));
  }
  if (!files.splits.contains("train"))
    throw FileError(fmt::format("{}: no image is of the split train", file.string()));
  return import_labelled_files(file, std::move(files), target, settings);
}

}  // namespace cascadecl
