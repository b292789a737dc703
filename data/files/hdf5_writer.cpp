#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "data/files/atomic_file.h"
#include "data/files/error.h"
#include "data/files/hdf5_file.h"
#include "data/files/hdf5_handle.h"
#include "data/files/hdf5_sink.h"

namespace cascadecl {

using hdf5::Handle;
using hdf5::Session;

struct Hdf5Writer::Impl {
  explicit Impl(std::filesystem::path target);
  ~Impl();

  [[noreturn]] void fail(std::string_view object, std::string_view action);
  void check(bool ok, std::string_view object, std::string_view action) {
    if (!ok || sink.failed()) fail(object, action);
  }
  Handle check(hid_t opened, Handle::Closer closer, std::string_view object, std::string_view action) {
    Handle handle(opened, closer);
    check(handle.valid(), object, action);
    return handle;
  }
  void create_parents(std::string_view name);
  void attribute(std::string_view object, std::string_view name, hid_t type, const Handle& space, const void* values);
  Handle create(std::string_view name, hid_t type, const Hdf5Shape& shape, Hdf5Storage storage);

  AtomicFile file;
  hdf5::Sink sink;
  Handle id;
};

namespace {

Handle string_type() {
  Handle type(H5Tcopy(H5T_C_S1), H5Tclose);
  H5Tset_size(type.get(), H5T_VARIABLE);
  H5Tset_cset(type.get(), H5T_CSET_UTF8);
  return type;
}

Handle scalar_space() { return Handle(H5Screate(H5S_SCALAR), H5Sclose); }

Handle space_of(const Hdf5Shape& shape) {
  if (shape.empty()) return scalar_space();
  const std::vector<hsize_t> dims(shape.begin(), shape.end());
  return Handle(H5Screate_simple(static_cast<int>(dims.size()), dims.data(), nullptr), H5Sclose);
}

Handle space_of_list(std::size_t size) { return space_of({static_cast<std::int64_t>(size)}); }

Handle dataset_properties(const Hdf5Shape& shape, Hdf5Storage storage) {
  Handle properties = hdf5::timeless(H5P_DATASET_CREATE);
  if (storage.chunk_rows <= 0 || shape.empty()) return properties;
  std::vector<hsize_t> chunk(shape.begin(), shape.end());
  chunk[0] = static_cast<hsize_t>(std::clamp<std::int64_t>(storage.chunk_rows, 1, std::max<std::int64_t>(1, shape[0])));
  for (hsize_t& size : chunk) size = std::max<hsize_t>(size, 1);
  H5Pset_chunk(properties.get(), static_cast<int>(chunk.size()), chunk.data());
  if (storage.deflate > 0) {
    H5Pset_shuffle(properties.get());
    H5Pset_deflate(properties.get(), static_cast<unsigned>(storage.deflate));
  }
  return properties;
}

std::int64_t product(const Hdf5Shape& shape, std::size_t from = 0) {
  std::int64_t n = 1;
  for (std::size_t i = from; i < shape.size(); ++i) n *= shape[i];
  return n;
}

}  // namespace

Hdf5Writer::Impl::Impl(std::filesystem::path target) : file(std::move(target)), sink(file.temporary()) {
  const Session session;
  id = sink.create_file();
  check(id.valid(), "/", "creating the file");
}

Hdf5Writer::Impl::~Impl() {
  const Session session;
  id.close();
}

void Hdf5Writer::Impl::fail(std::string_view object, std::string_view action) {
  throw OutputError(fmt::format("{}: cannot write: {} {}: {}", file.target().string(), action, object,
                                sink.failed() ? sink.reason() : hdf5::last_error()));
}

void Hdf5Writer::Impl::create_parents(std::string_view name) {
  const std::vector<std::string> parts = hdf5::components(name);
  const Handle properties = hdf5::timeless(H5P_GROUP_CREATE);
  std::string path;
  for (std::size_t i = 0; i + 1 < parts.size(); ++i) {
    path += "/" + parts[i];
    if (H5Lexists(id.get(), path.c_str(), H5P_DEFAULT) > 0) continue;
    check(H5Gcreate2(id.get(), path.c_str(), H5P_DEFAULT, properties.get(), H5P_DEFAULT), H5Gclose, path,
          "creating group");
  }
}

void Hdf5Writer::Impl::attribute(std::string_view object, std::string_view name, hid_t type, const Handle& space,
                                 const void* values) {
  const std::string what = fmt::format("{} of {}", name, object);
  const Handle owner = check(H5Oopen(id.get(), std::string(object).c_str(), H5P_DEFAULT), H5Oclose, object, "opening");
  const Handle created =
      check(H5Acreate2(owner.get(), std::string(name).c_str(), type, space.get(), H5P_DEFAULT, H5P_DEFAULT), H5Aclose,
            what, "creating attribute");
  if (H5Sget_simple_extent_npoints(space.get()) == 0) return;
  check(H5Awrite(created.get(), type, values) >= 0, what, "writing attribute");
}

Handle Hdf5Writer::Impl::create(std::string_view name, hid_t type, const Hdf5Shape& shape, Hdf5Storage storage) {
  create_parents(name);
  const Handle space = space_of(shape);
  const Handle properties = dataset_properties(shape, storage);
  return check(
      H5Dcreate2(id.get(), std::string(name).c_str(), type, space.get(), H5P_DEFAULT, properties.get(), H5P_DEFAULT),
      H5Dclose, name, "creating data set");
}

Hdf5Writer::Hdf5Writer(std::filesystem::path target) : impl_(std::make_unique<Impl>(std::move(target))) {}
Hdf5Writer::~Hdf5Writer() = default;
Hdf5Writer::Hdf5Writer(Hdf5Writer&&) noexcept = default;
Hdf5Writer& Hdf5Writer::operator=(Hdf5Writer&&) noexcept = default;

void Hdf5Writer::create_group(std::string_view name) {
  const Session session;
  impl_->create_parents(std::string(name) + "/_");
}

void Hdf5Writer::write_attribute(std::string_view object, std::string_view attribute, std::string_view value) {
  const Session session;
  const std::string text(value);
  const char* pointer = text.c_str();
  impl_->attribute(object, attribute, string_type().get(), scalar_space(), &pointer);
}

void Hdf5Writer::write_attribute(std::string_view object, std::string_view attribute,
                                 const std::vector<std::string>& values) {
  const Session session;
  std::vector<const char*> pointers;
  for (const std::string& value : values) pointers.push_back(value.c_str());
  impl_->attribute(object, attribute, string_type().get(), space_of_list(values.size()), pointers.data());
}

void Hdf5Writer::write_attribute(std::string_view object, std::string_view attribute, std::int64_t value) {
  const Session session;
  impl_->attribute(object, attribute, H5T_NATIVE_INT64, scalar_space(), &value);
}

void Hdf5Writer::write_attribute(std::string_view object, std::string_view attribute, double value) {
  const Session session;
  impl_->attribute(object, attribute, H5T_NATIVE_DOUBLE, scalar_space(), &value);
}

void Hdf5Writer::write_attribute(std::string_view object, std::string_view attribute,
                                 std::span<const std::int64_t> values) {
  const Session session;
  impl_->attribute(object, attribute, H5T_NATIVE_INT64, space_of_list(values.size()), values.data());
}

void Hdf5Writer::write_attribute(std::string_view object, std::string_view attribute, std::span<const float> values) {
  const Session session;
  impl_->attribute(object, attribute, H5T_NATIVE_FLOAT, space_of_list(values.size()), values.data());
}

template <typename T>
void Hdf5Writer::create_dataset(std::string_view name, const Hdf5Shape& shape, Hdf5Storage storage) {
  const Session session;
  Handle dataset = impl_->create(name, hdf5::memory_type<T>(), shape, storage);
  impl_->check(dataset.close(), name, "closing data set");
}

template <typename T>
void Hdf5Writer::write(std::string_view name, const Hdf5Shape& shape, std::span<const T> values, Hdf5Storage storage) {
  const Session session;
  if (static_cast<std::int64_t>(values.size()) != product(shape))
    throw ShapeError(fmt::format("{}: {}: {} values for shape {}", impl_->file.target().string(), name, values.size(),
                                 to_string(shape)));
  Handle dataset = impl_->create(name, hdf5::memory_type<T>(), shape, storage);
  if (!values.empty())
    impl_->check(H5Dwrite(dataset.get(), hdf5::memory_type<T>(), H5S_ALL, H5S_ALL, H5P_DEFAULT, values.data()) >= 0,
                 name, "writing data set");
  impl_->check(H5Dflush(dataset.get()) >= 0, name, "writing data set");
  impl_->check(dataset.close(), name, "closing data set");
}

void Hdf5Writer::write_strings(std::string_view name, const std::vector<std::string>& values) {
  const Session session;
  const Handle type = string_type();
  std::vector<const char*> pointers;
  for (const std::string& value : values) pointers.push_back(value.c_str());
  Handle dataset = impl_->create(name, type.get(), {static_cast<std::int64_t>(values.size())}, {});
  if (!values.empty())
    impl_->check(H5Dwrite(dataset.get(), type.get(), H5S_ALL, H5S_ALL, H5P_DEFAULT, pointers.data()) >= 0, name,
                 "writing data set");
  impl_->check(H5Dflush(dataset.get()) >= 0, name, "writing data set");
  impl_->check(dataset.close(), name, "closing data set");
}

template <typename T>
void Hdf5Writer::write_rows(std::string_view name, std::int64_t first, std::span<const T> values) {
  const Session session;
  if (values.empty()) return;
  Handle dataset = impl_->check(H5Dopen2(impl_->id.get(), std::string(name).c_str(), H5P_DEFAULT), H5Dclose, name,
                                "opening data set");
  const Handle space(H5Dget_space(dataset.get()), H5Sclose);
  std::vector<hsize_t> count(static_cast<std::size_t>(std::max(1, H5Sget_simple_extent_ndims(space.get()))));
  H5Sget_simple_extent_dims(space.get(), count.data(), nullptr);
  const auto row = static_cast<std::size_t>(product(Hdf5Shape(count.begin(), count.end()), 1));
  if (row == 0 || values.size() % row != 0)
    throw ShapeError(fmt::format("{}: {}: {} values are no whole rows of {}", impl_->file.target().string(), name,
                                 values.size(), row));
  std::vector<hsize_t> start(count.size(), 0);
  start[0] = static_cast<hsize_t>(first);
  count[0] = values.size() / row;
  impl_->check(H5Sselect_hyperslab(space.get(), H5S_SELECT_SET, start.data(), nullptr, count.data(), nullptr) >= 0 &&
                   H5Sselect_valid(space.get()) > 0,
               name, "selecting rows of data set");
  const Handle memory(H5Screate_simple(static_cast<int>(count.size()), count.data(), nullptr), H5Sclose);
  impl_->check(
      H5Dwrite(dataset.get(), hdf5::memory_type<T>(), memory.get(), space.get(), H5P_DEFAULT, values.data()) >= 0, name,
      "writing data set");
  impl_->check(H5Dflush(dataset.get()) >= 0, name, "writing data set");
  impl_->check(dataset.close(), name, "closing data set");
}

void Hdf5Writer::keep_rows(std::string_view name, std::int64_t rows) {
  const Session session;
  Handle dataset = impl_->check(H5Dopen2(impl_->id.get(), std::string(name).c_str(), H5P_DEFAULT), H5Dclose, name,
                                "opening data set");
  const Handle space(H5Dget_space(dataset.get()), H5Sclose);
  std::vector<hsize_t> size(static_cast<std::size_t>(std::max(1, H5Sget_simple_extent_ndims(space.get()))));
  H5Sget_simple_extent_dims(space.get(), size.data(), nullptr);
  size[0] = static_cast<hsize_t>(rows);
  impl_->check(H5Dset_extent(dataset.get(), size.data()) >= 0, name, "shortening data set");
  impl_->check(dataset.close(), name, "closing data set");
}

void Hdf5Writer::commit() {
  {
    const Session session;
    impl_->check(H5Fflush(impl_->id.get(), H5F_SCOPE_GLOBAL) >= 0, "/", "flushing");
    impl_->check(impl_->id.close(), "/", "closing");
  }
  impl_->file.commit();
}

#define CASCADECL_INSTANTIATE(T)                                                                           \
  template void Hdf5Writer::create_dataset<T>(std::string_view, const Hdf5Shape&, Hdf5Storage);            \
  template void Hdf5Writer::write<T>(std::string_view, const Hdf5Shape&, std::span<const T>, Hdf5Storage); \
  template void Hdf5Writer::write_rows<T>(std::string_view, std::int64_t, std::span<const T>);
CASCADECL_INSTANTIATE(float)
CASCADECL_INSTANTIATE(double)
CASCADECL_INSTANTIATE(std::int32_t)
CASCADECL_INSTANTIATE(std::int64_t)
CASCADECL_INSTANTIATE(std::uint8_t)
#undef CASCADECL_INSTANTIATE

}  // namespace cascadecl
