// The patterns of names and calls in which NumPy writes arrays, types and numbers.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "data/import/pickle_machine.h"

namespace cascadecl {
namespace {

constexpr std::size_t most_dimensions = 32;

}  // namespace

std::int64_t signed_number(std::uint64_t raw, int bytes) {
  if (bytes == 0) return 0;
  const int unused = 64 - 8 * bytes;
  return static_cast<std::int64_t>(raw << unused) >> unused;
}

int next_latin1(std::span<const std::uint8_t> utf8, std::size_t& used) {
  if (used >= utf8.size()) return -1;
  const std::uint8_t first = utf8[used];
  if (first < 0x80) return ++used, first;
  if ((first != 0xC2 && first != 0xC3) || used + 1 >= utf8.size() || (utf8[used + 1] & 0xC0) != 0x80) return -1;
  used += 2;
  return (first & 3) << 6 | (utf8[used - 1] & 0x3F);
}

int number_bytes(std::string_view type) {
  if (!type.empty() && std::string_view("<>=|").find(type[0]) != std::string_view::npos) type.remove_prefix(1);
  if (type.size() != 2 || std::string_view("biuf").find(type[0]) == std::string_view::npos) return 0;
  const int bytes = type[1] - '0';
  return bytes == 1 || bytes == 2 || bytes == 4 || bytes == 8 ? bytes : 0;
}

void PickleMachine::reduce() {
  const PickleValue arguments = pop(), name = pop();
  if (arguments.kind != PickleKind::tuple || name.kind != PickleKind::name)
    fail("refused: a call of something other than NumPy data");
  const std::vector<PickleValue> values = pickle_.containers_[static_cast<std::size_t>(arguments.number)];
  if (is(name, PickleName::encode)) return reduce_encode(values);
  if (is(name, PickleName::reconstruct)) return reduce_reconstruct(values);
  if (is(name, PickleName::dtype)) return reduce_dtype(values);
  if (is(name, PickleName::scalar)) return reduce_scalar(values);
  fail("refused: a call of something other than NumPy data");
}

// _codecs.encode(TEXT, 'latin1') is how Python 3 writes bytes in protocol 2.
void PickleMachine::reduce_encode(std::span<const PickleValue> arguments) {
  if (arguments.size() != 2 || arguments[0].kind != PickleKind::text || text_of(arguments[1]) != "latin1")
    fail("refused: an encoding other than Latin-1");
  push({PickleKind::latin1_bytes, arguments[0].number});
}

// _reconstruct(numpy.ndarray, (0,), b'b') makes an empty array, which BUILD fills.
void PickleMachine::reduce_reconstruct(std::span<const PickleValue> arguments) {
  if (arguments.size() != 3 || !is(arguments[0], PickleName::ndarray)) fail("refused: an array of an unknown class");
  if (pickle_.arrays_.size() == most_objects) fail(fmt::format("more than {} arrays", most_objects));
  push({PickleKind::array, static_cast<std::int64_t>(pickle_.arrays_.size())});
  pickle_.arrays_.emplace_back();
}

// dtype('u1', False, True) makes a type, whose byte order BUILD tells.
void PickleMachine::reduce_dtype(std::span<const PickleValue> arguments) {
  if (arguments.size() != 3) fail("a NumPy type in an unknown form");
  const std::string type = text_of(arguments[0]);
  if (number_bytes(type) == 0 || type.size() != 2)
    fail(fmt::format("refused: NumPy type '{}', expected plain numbers", printable(type)));
  if (pickle_.types_.size() == most_objects) fail(fmt::format("more than {} types", most_objects));
  push({PickleKind::type, static_cast<std::int64_t>(pickle_.types_.size())});
  pickle_.types_.push_back(type);
}

// scalar(TYPE, BYTES) is one number.
void PickleMachine::reduce_scalar(std::span<const PickleValue> arguments) {
  if (arguments.size() != 2 || arguments[0].kind != PickleKind::type) fail("a NumPy number in an unknown form");
  const std::string& type = pickle_.types_[static_cast<std::size_t>(arguments[0].number)];
  const std::string raw = text_of(arguments[1]);
  const std::span<const std::uint8_t> bytes(reinterpret_cast<const std::uint8_t*>(raw.data()), raw.size());
  std::vector<std::uint8_t> number;
  for (std::size_t used = 0; used < bytes.size();) {
    const int next = arguments[1].kind == PickleKind::latin1_bytes ? next_latin1(bytes, used) : bytes[used++];
    if (next < 0) fail("bytes with characters that are none of Latin-1");
    number.push_back(static_cast<std::uint8_t>(next));
  }
  const int size = number_bytes(type);
  if (type.size() != 3 || number.size() != static_cast<std::size_t>(size))
    fail(fmt::format("{} bytes for a NumPy number of type '{}'", number.size(), type));
  if (type[1] == 'f') return push({PickleKind::real});
  if (type[0] != '>') std::reverse(number.begin(), number.end());
  std::uint64_t value = 0;
  for (const std::uint8_t byte : number) value = value << 8 | byte;
  push({PickleKind::integer, type[1] == 'i' ? signed_number(value, size) : static_cast<std::int64_t>(value)});
}

void PickleMachine::build() {
  const PickleValue state = pop();
  if (state.kind != PickleKind::tuple || stack_.empty()) fail("refused: a state of something other than NumPy data");
  const std::vector<PickleValue> values = pickle_.containers_[static_cast<std::size_t>(state.number)];
  if (stack_.back().kind == PickleKind::type) return build_type(top(PickleKind::type), values);
  if (stack_.back().kind == PickleKind::array) return build_array(top(PickleKind::array), values);
  fail("refused: a state of something other than NumPy data");
}

// (3, '<', None, None, None, -1, -1, 0): version, byte order, and what only types with parts have.
void PickleMachine::build_type(PickleValue type, std::span<const PickleValue> state) {
  const auto is_none = [](PickleValue value) { return value.kind == PickleKind::none; };
  if (state.size() < 5 || !std::all_of(state.begin() + 2, state.begin() + 5, is_none))
    fail("a NumPy type that is not one of plain numbers");
  const std::string order = text_of(state[1]);
  std::string& name = pickle_.types_[static_cast<std::size_t>(type.number)];
  if (order.size() != 1 || std::string_view("<>=|").find(order[0]) == std::string_view::npos || name.size() != 2)
    fail(fmt::format("byte order '{}' of NumPy type '{}'", printable(order), name));
  name = order + name;
}

// (1, SHAPE, TYPE, column major, BYTES)
void PickleMachine::build_array(PickleValue array, std::span<const PickleValue> state) {
  const auto is_bytes = [](PickleKind kind) { return kind == PickleKind::bytes || kind == PickleKind::latin1_bytes; };
  if (state.size() != 5 || state[1].kind != PickleKind::tuple || state[2].kind != PickleKind::type ||
      !is_bytes(state[4].kind))
    fail("a NumPy array in an unknown form");
  PickleArray content{.type = pickle_.types_[static_cast<std::size_t>(state[2].number)],
                      .column_major = state[3].number != 0,
                      .bytes = state[4]};
  if (content.type.size() != 3) fail(fmt::format("NumPy type '{}' without byte order", content.type));
  std::int64_t bytes = number_bytes(content.type);
  const std::span<const PickleValue> shape = pickle_.items(state[1]);
  if (shape.size() > most_dimensions) fail(fmt::format("an array of {} dimensions", shape.size()));
  for (const PickleValue size : shape) {
    if (size.kind != PickleKind::integer || size.number < 0 || __builtin_mul_overflow(bytes, size.number, &bytes))
      fail("an array of impossible shape");
    content.shape.push_back(size.number);
  }
  const std::int64_t stored = pickle_.range(content.bytes).length;
  const bool fits = content.bytes.kind == PickleKind::bytes ? stored == bytes : stored >= bytes && stored / 2 <= bytes;
  if (!fits) fail(fmt::format("an array of {} bytes, its shape and type need {}", stored, bytes));
  pickle_.arrays_[static_cast<std::size_t>(array.number)] = std::move(content);
}

}  // namespace cascadecl
