#include "data/files/hdf5_handle.h"

namespace cascadecl::hdf5 {
namespace {

std::recursive_mutex& library_mutex() {
  static std::recursive_mutex mutex;  // the state it guards is HDF5's own, which is global
  return mutex;
}

herr_t keep_first(unsigned, const H5E_error2_t* entry, void* text) {
  auto& kept = *static_cast<std::string*>(text);
  if (kept.empty() && entry->desc) kept = entry->desc;
  return 0;
}

}  // namespace

Session::Session() : lock_(library_mutex()) {
  H5Eget_auto2(H5E_DEFAULT, &printer_, &printer_data_);
  H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr);
}

Session::~Session() { H5Eset_auto2(H5E_DEFAULT, printer_, printer_data_); }

Handle timeless(hid_t creation_class) {
  Handle properties(H5Pcreate(creation_class), H5Pclose);
  H5Pset_obj_track_times(properties.get(), false);
  return properties;
}

std::string last_error() {
  std::string text;
  H5Ewalk2(H5E_DEFAULT, H5E_WALK_UPWARD, keep_first, &text);
  // File drivers write "file write failed: time = ..., error message = 'No space left on device', buf = ...".
  const std::string mark = "error message = '";
  if (const auto start = text.find(mark); start != std::string::npos) {
    const auto end = text.find('\'', start + mark.size());
    return text.substr(start + mark.size(), end - start - mark.size());
  }
  for (char& c : text)
    if (c == '\n') c = ' ';
  return text;
}

std::vector<std::string> components(std::string_view path) {
  std::vector<std::string> parts;
  while (!path.empty()) {
    const auto slash = path.find('/');
    if (slash != 0) parts.emplace_back(path.substr(0, slash));
    path.remove_prefix(slash == std::string_view::npos ? path.size() : slash + 1);
  }
  return parts;
}

std::pair<std::string, std::string> split_path(std::string_view path) {
  const auto slash = path.rfind('/');
  if (slash == std::string_view::npos) return {"/", std::string(path)};
  return {slash == 0 ? "/" : std::string(path.substr(0, slash)), std::string(path.substr(slash + 1))};
}

template <>
hid_t memory_type<float>() {
  return H5T_NATIVE_FLOAT;
}
template <>
hid_t memory_type<double>() {
  return H5T_NATIVE_DOUBLE;
}
template <>
hid_t memory_type<std::uint8_t>() {
  return H5T_NATIVE_UINT8;
}
template <>
hid_t memory_type<std::int32_t>() {
  return H5T_NATIVE_INT32;
}
template <>
hid_t memory_type<std::int64_t>() {
  return H5T_NATIVE_INT64;
}

template <>
const char* type_name<float>() {
  return "float32";
}
template <>
const char* type_name<double>() {
  return "float64";
}
template <>
const char* type_name<std::uint8_t>() {
  return "uint8";
}
template <>
const char* type_name<std::int32_t>() {
  return "int32";
}
template <>
const char* type_name<std::int64_t>() {
  return "int64";
}

}  // namespace cascadecl::hdf5
