#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cstring>
#include <limits>
#include <set>

#include "data/files/error.h"
#include "data/files/hdf5_file.h"
#include "data/files/hdf5_handle.h"
#include "data/files/hdf5_strings.h"

namespace cascadecl {

using hdf5::Handle;
using hdf5::Session;

namespace {

namespace fs = std::filesystem;

// Limits for files from elsewhere. Chunks are decompressed whole, so their size bounds a hidden cost of each read.
constexpr std::int64_t max_chunk_bytes = std::int64_t{256} << 20;
constexpr std::int64_t max_deflate_ratio = 1032;  // deflate cannot do better (zlib, "Technical Details")
constexpr std::size_t max_children = 100'000;
constexpr std::int64_t overflow = std::numeric_limits<std::int64_t>::max();

std::int64_t saturating_multiply(std::int64_t a, std::int64_t b) {
  std::int64_t product = 0;
  return __builtin_mul_overflow(a, b, &product) ? overflow : product;
}

std::int64_t product(const Hdf5Shape& shape, std::size_t from = 0) {
  if (std::find(shape.begin(), shape.end(), 0) != shape.end()) return 0;
  std::int64_t n = 1;
  for (std::size_t i = from; i < shape.size(); ++i) n = saturating_multiply(n, shape[i]);
  return n;
}

std::string type_text(hid_t type) {
  const std::size_t bits = 8 * H5Tget_size(type);
  const H5T_class_t kind = H5Tget_class(type);
  if (kind == H5T_STRING) return "string";
  if ((kind != H5T_INTEGER && kind != H5T_FLOAT) || H5Tget_precision(type) != bits) return "other";
  if (kind == H5T_FLOAT) return fmt::format("float{}", bits);
  return fmt::format("{}{}", H5Tget_sign(type) == H5T_SGN_NONE ? "uint" : "int", bits);
}

template <typename T>
bool accepts(const std::string& type) {
  if (type == hdf5::type_name<T>()) return true;
  if constexpr (std::is_floating_point_v<T>) return type == "float16" || type == "float32" || type == "float64";
  return false;
}

bool fits(const Hdf5Shape& shape, const Hdf5Shape& expected) {
  return shape.size() == expected.size() &&
         std::equal(shape.begin(), shape.end(), expected.begin(),
                    [](std::int64_t size, std::int64_t wanted) { return wanted == any_size || size == wanted; });
}

std::string filter_name(H5Z_filter_t filter) {
  switch (filter) {
    case H5Z_FILTER_DEFLATE:
      return "deflate";
    case H5Z_FILTER_SHUFFLE:
      return "shuffle";
    case H5Z_FILTER_FLETCHER32:
      return "fletcher32";
    default:
      return fmt::format("filter {}", filter);
  }
}

const char* link_kind(H5L_type_t type) {
  if (type == H5L_TYPE_SOFT) return "a soft";
  return type == H5L_TYPE_EXTERNAL ? "an external" : "a user-defined";
}

Hdf5Shape shape_of(const Handle& space) {
  const int rank = H5Sget_simple_extent_ndims(space.get());
  std::vector<hsize_t> dims(static_cast<std::size_t>(std::max(rank, 0)));
  if (rank > 0) H5Sget_simple_extent_dims(space.get(), dims.data(), nullptr);
  Hdf5Shape shape;
  for (const hsize_t size : dims)
    shape.push_back(size > static_cast<hsize_t>(overflow) ? overflow : static_cast<std::int64_t>(size));
  return shape;
}

// The type of the object behind a hard link; H5O_TYPE_UNKNOWN if the object is damaged.
H5O_type_t type_behind(hid_t file, const std::string& link) {
#if H5_VERSION_GE(1, 12, 0)
  H5O_info2_t info{};
  const herr_t status = H5Oget_info_by_name3(file, link.c_str(), &info, H5O_INFO_BASIC, H5P_DEFAULT);
#else
  H5O_info_t info{};
  const herr_t status = H5Oget_info_by_name2(file, link.c_str(), &info, H5O_INFO_BASIC, H5P_DEFAULT);
#endif
  return status < 0 ? H5O_TYPE_UNKNOWN : info.type;
}

// What a file that cannot be opened suffers from: a lock, its age, or damage.
std::string opening_fault(const std::string& reason) {
  const auto tells = [&](std::string_view what) { return reason.find(what) != std::string::npos; };
  if (tells("Resource temporarily unavailable")) return "another program is writing it";
  if (tells("No locks available") || tells("unable to lock file") || tells("Function not implemented"))
    return fmt::format(
        "cannot be locked ({}): this file system has no locks; HDF5_USE_FILE_LOCKING=FALSE does without them", reason);
  if (tells("version number") || tells("unknown superblock"))
    return fmt::format("damaged, or written by a newer HDF5 than the {}.{}.{} of this program: {}", H5_VERS_MAJOR,
                       H5_VERS_MINOR, H5_VERS_RELEASE, reason);
  return fmt::format("truncated or damaged HDF5 file: {}", reason);
}

}  // namespace

void skip_hdf5_cleanup_at_exit() { H5dont_atexit(); }

std::string to_string(const Hdf5Shape& shape) {
  std::vector<std::string> sizes;
  for (const std::int64_t size : shape) sizes.push_back(size == any_size ? "any" : std::to_string(size));
  return fmt::format("[{}]", fmt::join(sizes, ", "));
}

struct Hdf5Reader::Impl {
  explicit Impl(fs::path file);
  ~Impl() {
    const Session session;
    rows.dataset.close();
    id.close();
  }

  [[noreturn]] void fail(std::string_view object, const std::string& problem) const {
    throw FileError(fmt::format("{}: {}: {}", path.string(), object, problem));
  }
  H5O_type_t kind(std::string_view name) const;
  Handle open(std::string_view name, H5O_type_t expected) const;
  Handle open_any(std::string_view name) const;
  Handle open_found(std::string_view name) const;  // what kind() has found
  Handle open_attribute(std::string_view object, std::string_view name, H5T_class_t kind, const char* expected) const;
  template <typename T>
  std::vector<T> numbers(std::string_view object, std::string_view name, H5T_class_t kind, const char* expected) const;
  Hdf5DatasetInfo info(const Handle& dataset, std::string_view name) const;
  void check_storage(const Handle& dataset, std::string_view name, const Hdf5DatasetInfo& info) const;
  template <typename T>
  Handle open_dataset(std::string_view name, Hdf5Shape& shape) const;
  template <typename T>
  void open_rows(std::string_view name) const;

  fs::path path;
  std::int64_t file_bytes = 0;
  Handle id;
  // Paths found to be groups of this file: walking them anew for each array of a model took most of reading it.
  mutable std::set<std::string, std::less<>> groups;

  // The data set that read_rows used last: opening and checking it anew for each few rows would cost more than the
  // rows.
  struct Rows {
    std::string name;
    const char* type = nullptr;
    Handle dataset;
    Hdf5Shape shape;
  };
  mutable Rows rows;
};

Hdf5Reader::Impl::Impl(fs::path file) : path(std::move(file)) {
  std::error_code error;
  const fs::file_status status = fs::status(path, error);
  if (!fs::exists(status)) throw FileError(fmt::format("{}: no such file", path.string()));
  if (fs::is_directory(status)) throw FileError(fmt::format("{}: is a folder, expected an HDF5 file", path.string()));
  if (!fs::is_regular_file(status)) throw FileError(fmt::format("{}: not a regular file", path.string()));
  file_bytes = static_cast<std::int64_t>(fs::file_size(path, error));
  if (error) throw FileError(fmt::format("{}: {}", path.string(), error.message()));
  const Session session;
  const htri_t is_hdf5 = H5Fis_hdf5(path.c_str());
  if (is_hdf5 < 0) throw FileError(fmt::format("{}: cannot be read: {}", path.string(), hdf5::last_error()));
  if (is_hdf5 == 0) throw FileError(fmt::format("{}: not an HDF5 file", path.string()));
  id = Handle(H5Fopen(path.c_str(), H5F_ACC_RDONLY, H5P_DEFAULT), H5Fclose);
  if (!id.valid()) throw FileError(fmt::format("{}: {}", path.string(), opening_fault(hdf5::last_error())));
}

// The type of an object, or H5O_TYPE_UNKNOWN if there is none. Follows hard links only, so it cannot leave the file.
H5O_type_t Hdf5Reader::Impl::kind(std::string_view name) const {
  std::string path_so_far;
  H5O_type_t type = H5O_TYPE_GROUP;
  for (const std::string& part : hdf5::components(name)) {
    if (type != H5O_TYPE_GROUP) return H5O_TYPE_UNKNOWN;
    path_so_far += "/" + part;
    if (groups.contains(path_so_far)) continue;
    if (H5Lexists(id.get(), path_so_far.c_str(), H5P_DEFAULT) <= 0) return H5O_TYPE_UNKNOWN;
    H5L_info_t link{};
    if (H5Lget_info(id.get(), path_so_far.c_str(), &link, H5P_DEFAULT) < 0) fail(path_so_far, "damaged link");
    if (link.type != H5L_TYPE_HARD)
      fail(path_so_far, fmt::format("is {} link; links are not followed", link_kind(link.type)));
    type = type_behind(id.get(), path_so_far);
    if (type == H5O_TYPE_UNKNOWN) fail(path_so_far, "damaged object");
    if (type == H5O_TYPE_GROUP) groups.insert(path_so_far);
  }
  return type;
}

Handle Hdf5Reader::Impl::open(std::string_view name, H5O_type_t expected) const {
  const char* wanted = expected == H5O_TYPE_GROUP ? "group" : "data set";
  const H5O_type_t found = kind(name);
  if (found == H5O_TYPE_UNKNOWN) fail(name, fmt::format("missing, expected a {}", wanted));
  if (found != expected) fail(name, fmt::format("is not a {}", wanted));
  return open_found(name);
}

Handle Hdf5Reader::Impl::open_any(std::string_view name) const {
  if (kind(name) == H5O_TYPE_UNKNOWN) fail(name, "missing");
  return open_found(name);
}

Handle Hdf5Reader::Impl::open_found(std::string_view name) const {
  Handle object(H5Oopen(id.get(), std::string(name).c_str(), H5P_DEFAULT), H5Oclose);
  if (!object.valid()) fail(name, fmt::format("damaged object: {}", hdf5::last_error()));
  return object;
}

Handle Hdf5Reader::Impl::open_attribute(std::string_view object, std::string_view name, H5T_class_t kind,
                                        const char* expected) const {
  const std::string label(name);
  const Handle owner = open_any(object);
  if (H5Aexists(owner.get(), label.c_str()) <= 0) fail(object, fmt::format("attribute {} is missing", name));
  Handle attribute(H5Aopen(owner.get(), label.c_str(), H5P_DEFAULT), H5Aclose);
  if (!attribute.valid()) fail(object, fmt::format("attribute {} is damaged", name));
  const Handle type(H5Aget_type(attribute.get()), H5Tclose);
  const Handle space(H5Aget_space(attribute.get()), H5Sclose);
  const Hdf5Shape shape = shape_of(space);
  if (H5Tget_class(type.get()) != kind || (kind == H5T_INTEGER && H5Tget_size(type.get()) > 8))
    fail(object, fmt::format("attribute {} is of type {}, expected {}", name, type_text(type.get()), expected));
  if (shape.size() > 1 || H5Sget_simple_extent_type(space.get()) == H5S_NULL)
    fail(object, fmt::format("attribute {} has shape {}, expected one value or a list", name, to_string(shape)));
  const auto size = static_cast<std::int64_t>(H5Tget_size(type.get()));
  if (saturating_multiply(product(shape), size) > file_bytes)
    fail(object, fmt::format("attribute {} claims more bytes than the file has", name));
  return attribute;
}

template <typename T>
std::vector<T> Hdf5Reader::Impl::numbers(std::string_view object, std::string_view name, H5T_class_t kind,
                                         const char* expected) const {
  const Handle attribute = open_attribute(object, name, kind, expected);
  const Handle space(H5Aget_space(attribute.get()), H5Sclose);
  std::vector<T> values(static_cast<std::size_t>(product(shape_of(space))));
  if (!values.empty() && H5Aread(attribute.get(), hdf5::memory_type<T>(), values.data()) < 0)
    fail(object, fmt::format("attribute {} cannot be read: {}", name, hdf5::last_error()));
  return values;
}

Hdf5DatasetInfo Hdf5Reader::Impl::info(const Handle& dataset, std::string_view name) const {
  Hdf5DatasetInfo info;
  const Handle type(H5Dget_type(dataset.get()), H5Tclose);
  const Handle space(H5Dget_space(dataset.get()), H5Sclose);
  const Handle properties(H5Dget_create_plist(dataset.get()), H5Pclose);
  if (!type.valid() || !space.valid() || !properties.valid()) fail(name, "damaged data set");
  info.type = type_text(type.get());
  info.shape = shape_of(space);
  info.stored_bytes =
      static_cast<std::int64_t>(std::min<hsize_t>(H5Dget_storage_size(dataset.get()), static_cast<hsize_t>(overflow)));
  if (H5Pget_layout(properties.get()) == H5D_CHUNKED) {
    std::vector<hsize_t> chunk(info.shape.size());
    if (H5Pget_chunk(properties.get(), static_cast<int>(chunk.size()), chunk.data()) < 0)
      fail(name, "damaged chunking");
    info.chunk.assign(chunk.begin(), chunk.end());
  }
  for (int i = 0; i < H5Pget_nfilters(properties.get()); ++i) {
    unsigned flags = 0;
    std::size_t values = 0;
    const H5Z_filter_t filter =
        H5Pget_filter2(properties.get(), static_cast<unsigned>(i), &flags, &values, nullptr, 0, nullptr, nullptr);
    info.filters.push_back(filter_name(filter));
  }
  return info;
}

// Refuses storage outside the file and sizes that the bytes in the file cannot hold.
void Hdf5Reader::Impl::check_storage(const Handle& dataset, std::string_view name, const Hdf5DatasetInfo& info) const {
  const Handle properties(H5Dget_create_plist(dataset.get()), H5Pclose);
  const H5D_layout_t layout = H5Pget_layout(properties.get());
  if (H5Pget_external_count(properties.get()) != 0) fail(name, "is stored in other files, which are not read");
  if (layout == H5D_VIRTUAL || layout == H5D_LAYOUT_ERROR) fail(name, "has virtual storage, which is not read");
  for (const std::string& filter : info.filters)
    if (filter.starts_with("filter"))
      fail(name, fmt::format("uses {}, expected deflate, shuffle or fletcher32", filter));

  const Handle type(H5Dget_type(dataset.get()), H5Tclose);
  const auto element = static_cast<std::int64_t>(H5Tget_size(type.get()));
  const std::int64_t bytes = saturating_multiply(product(info.shape), element);
  const std::int64_t chunk_bytes = saturating_multiply(product(info.chunk), element);
  if (bytes == 0) return;
  if (layout == H5D_CHUNKED && chunk_bytes > max_chunk_bytes)
    fail(name, fmt::format("has chunks of {} bytes, expected at most {}", chunk_bytes, max_chunk_bytes));
  const std::int64_t stored = std::min(info.stored_bytes, file_bytes);
  const bool packed = std::find(info.filters.begin(), info.filters.end(), "deflate") != info.filters.end();
  if (bytes > (packed ? saturating_multiply(stored, max_deflate_ratio) : stored))
    fail(name, fmt::format("claims shape {}, but the file holds only {} bytes of it", to_string(info.shape), stored));
}

template <typename T>
Handle Hdf5Reader::Impl::open_dataset(std::string_view name, Hdf5Shape& shape) const {
  Handle dataset = open(name, H5O_TYPE_DATASET);
  const Hdf5DatasetInfo found = info(dataset, name);
  if (!accepts<T>(found.type)) fail(name, fmt::format("is of type {}, expected {}", found.type, hdf5::type_name<T>()));
  check_storage(dataset, name, found);
  shape = found.shape;
  return dataset;
}

template <typename T>
void Hdf5Reader::Impl::open_rows(std::string_view name) const {
  if (rows.name == name && rows.type == hdf5::type_name<T>()) return;
  rows = Rows{};
  rows.dataset = open_dataset<T>(name, rows.shape);
  rows.name = name;
  rows.type = hdf5::type_name<T>();
}

Hdf5Reader::Hdf5Reader(fs::path path) : impl_(std::make_unique<Impl>(std::move(path))) {}
Hdf5Reader::~Hdf5Reader() = default;
Hdf5Reader::Hdf5Reader(Hdf5Reader&&) noexcept = default;
Hdf5Reader& Hdf5Reader::operator=(Hdf5Reader&&) noexcept = default;

const fs::path& Hdf5Reader::path() const { return impl_->path; }
std::int64_t Hdf5Reader::file_bytes() const { return impl_->file_bytes; }
void Hdf5Reader::fail(std::string_view object, const std::string& problem) const { impl_->fail(object, problem); }

bool Hdf5Reader::has_group(std::string_view name) const {
  const Session session;
  return impl_->kind(name) == H5O_TYPE_GROUP;
}

bool Hdf5Reader::has_dataset(std::string_view name) const {
  const Session session;
  return impl_->kind(name) == H5O_TYPE_DATASET;
}

bool Hdf5Reader::has_attribute(std::string_view object, std::string_view attribute) const {
  const Session session;
  if (impl_->kind(object) == H5O_TYPE_UNKNOWN) return false;
  return H5Aexists(impl_->open_any(object).get(), std::string(attribute).c_str()) > 0;
}

std::vector<std::string> Hdf5Reader::children(std::string_view group) const {
  const Session session;
  const Handle opened = impl_->open(group, H5O_TYPE_GROUP);
  std::vector<std::string> names;
  const auto collect = [](hid_t, const char* name, const H5L_info_t*, void* list) -> herr_t {
    auto& found = *static_cast<std::vector<std::string>*>(list);
    found.emplace_back(name);
    return found.size() > max_children ? -1 : 0;
  };
  if (H5Literate(opened.get(), H5_INDEX_NAME, H5_ITER_NATIVE, nullptr, collect, &names) < 0)
    impl_->fail(group, fmt::format("damaged group, or more than {} members", max_children));
  std::sort(names.begin(), names.end());
  return names;
}

std::vector<std::string> Hdf5Reader::string_list_attribute(std::string_view object, std::string_view name) const {
  const Session session;
  const Handle attribute = impl_->open_attribute(object, name, H5T_STRING, "string");
  const Handle type(H5Aget_type(attribute.get()), H5Tclose);
  const Handle space(H5Aget_space(attribute.get()), H5Sclose);
  const auto count = static_cast<std::size_t>(product(shape_of(space)));
  const auto damaged = [&] { impl_->fail(object, fmt::format("attribute {} cannot be read", name)); };
  std::vector<std::string> values;
  if (count == 0) return values;
  if (H5Tis_variable_str(type.get()) > 0) {
    try {
      return hdf5::variable_strings(impl_->id, impl_->path, attribute, count);
    } catch (const FileError& error) {
      impl_->fail(object, fmt::format("attribute {}: {}", name, error.what()));
    }
  }
  const std::size_t size = H5Tget_size(type.get());
  std::string bytes(count * size, '\0');
  if (H5Aread(attribute.get(), type.get(), bytes.data()) < 0) damaged();
  for (std::size_t i = 0; i < count; ++i) {
    std::string text = bytes.substr(i * size, size);
    text.resize(std::min(text.find('\0'), text.size()));
    if (H5Tget_strpad(type.get()) == H5T_STR_SPACEPAD) text.resize(text.find_last_not_of(' ') + 1);
    values.push_back(std::move(text));
  }
  return values;
}

std::string Hdf5Reader::string_attribute(std::string_view object, std::string_view attribute) const {
  std::vector<std::string> values = string_list_attribute(object, attribute);
  if (values.size() != 1)
    impl_->fail(object, fmt::format("attribute {} holds {} strings, expected 1", attribute, values.size()));
  return std::move(values.front());
}

std::vector<std::int64_t> Hdf5Reader::int_list_attribute(std::string_view object, std::string_view attribute) const {
  const Session session;
  return impl_->numbers<std::int64_t>(object, attribute, H5T_INTEGER, "integer");
}

std::int64_t Hdf5Reader::int_attribute(std::string_view object, std::string_view attribute) const {
  const std::vector<std::int64_t> values = int_list_attribute(object, attribute);
  if (values.size() != 1)
    impl_->fail(object, fmt::format("attribute {} holds {} values, expected 1", attribute, values.size()));
  return values.front();
}

std::vector<float> Hdf5Reader::float_list_attribute(std::string_view object, std::string_view attribute) const {
  const Session session;
  return impl_->numbers<float>(object, attribute, H5T_FLOAT, "float");
}

double Hdf5Reader::float_attribute(std::string_view object, std::string_view attribute) const {
  const Session session;
  const std::vector<double> values = impl_->numbers<double>(object, attribute, H5T_FLOAT, "float");
  if (values.size() != 1)
    impl_->fail(object, fmt::format("attribute {} holds {} values, expected 1", attribute, values.size()));
  return values.front();
}

Hdf5DatasetInfo Hdf5Reader::dataset_info(std::string_view name) const {
  const Session session;
  return impl_->info(impl_->open(name, H5O_TYPE_DATASET), name);
}

template <typename T>
std::vector<T> Hdf5Reader::read(std::string_view name, const Hdf5Shape& expected) const {
  const Session session;
  Hdf5Shape shape;
  const Handle dataset = impl_->open_dataset<T>(name, shape);
  if (!fits(shape, expected))
    impl_->fail(name, fmt::format("has shape {}, expected {}", to_string(shape), to_string(expected)));
  std::vector<T> values(static_cast<std::size_t>(product(shape)));
  if (!values.empty() &&
      H5Dread(dataset.get(), hdf5::memory_type<T>(), H5S_ALL, H5S_ALL, H5P_DEFAULT, values.data()) < 0)
    impl_->fail(name, fmt::format("cannot be read: {}", hdf5::last_error()));
  return values;
}

template <typename T>
void Hdf5Reader::read_rows(std::string_view name, std::int64_t first, std::int64_t count, std::span<T> out) const {
  const Session session;
  impl_->open_rows<T>(name);
  const Handle& dataset = impl_->rows.dataset;
  const Hdf5Shape& shape = impl_->rows.shape;
  if (shape.empty() || first < 0 || count < 0 || count > shape[0] || first > shape[0] - count)
    impl_->fail(name, fmt::format("has shape {}: there are no rows {} to {}", to_string(shape), first, first + count));
  if (static_cast<std::int64_t>(out.size()) != saturating_multiply(count, product(shape, 1)))
    throw ShapeError(fmt::format("{}: {}: room for {} values, expected {} rows of shape {}", impl_->path.string(), name,
                                 out.size(), count, to_string(shape)));
  if (out.empty()) return;
  std::vector<hsize_t> start(shape.size(), 0), size(shape.begin(), shape.end());
  start[0] = static_cast<hsize_t>(first);
  size[0] = static_cast<hsize_t>(count);
  const Handle space(H5Dget_space(dataset.get()), H5Sclose);
  const Handle memory(H5Screate_simple(static_cast<int>(size.size()), size.data(), nullptr), H5Sclose);
  if (H5Sselect_hyperslab(space.get(), H5S_SELECT_SET, start.data(), nullptr, size.data(), nullptr) < 0 ||
      H5Dread(dataset.get(), hdf5::memory_type<T>(), memory.get(), space.get(), H5P_DEFAULT, out.data()) < 0)
    impl_->fail(name, fmt::format("rows {} to {} cannot be read: {}", first, first + count, hdf5::last_error()));
}

#define CASCADECL_INSTANTIATE(T)                                                         \
  template std::vector<T> Hdf5Reader::read<T>(std::string_view, const Hdf5Shape&) const; \
  template void Hdf5Reader::read_rows<T>(std::string_view, std::int64_t, std::int64_t, std::span<T>) const;
CASCADECL_INSTANTIATE(float)
CASCADECL_INSTANTIATE(double)
CASCADECL_INSTANTIATE(std::int32_t)
CASCADECL_INSTANTIATE(std::int64_t)
CASCADECL_INSTANTIATE(std::uint8_t)
#undef CASCADECL_INSTANTIATE

}  // namespace cascadecl
