#include "data/import/pickle_machine.h"

#include <fmt/format.h>

#include <array>
#include <utility>

namespace cascadecl {
namespace {

// What else a file can make us keep.
constexpr std::size_t most_values = 4'000'000, most_memos = 1'000'000, most_marks = 100;
constexpr std::int64_t longest_name = 256;

// Instructions, by their names in Python's pickletools.
namespace op {
enum : std::uint8_t {
  proto = 0x80,
  frame = 0x95,
  stop = '.',
  mark = '(',
  none = 'N',
  newtrue = 0x88,
  newfalse = 0x89,
  binint = 'J',
  binint1 = 'K',
  binint2 = 'M',
  long1 = 0x8a,
  binfloat = 'G',
  binstring = 'T',
  short_binstring = 'U',
  binunicode = 'X',
  short_binunicode = 0x8c,
  binunicode8 = 0x8d,
  binbytes = 'B',
  short_binbytes = 'C',
  binbytes8 = 0x8e,
  empty_tuple = ')',
  tuple = 't',
  tuple1 = 0x85,
  tuple2 = 0x86,
  tuple3 = 0x87,
  empty_list = ']',
  append = 'a',
  appends = 'e',
  empty_dict = '}',
  setitem = 's',
  setitems = 'u',
  binput = 'q',
  long_binput = 'r',
  memoize = 0x94,
  binget = 'h',
  long_binget = 'j',
  global = 'c',
  stack_global = 0x93,
  reduce = 'R',
  build = 'b'
};
}  // namespace op

struct KnownName {
  std::string_view module, name;
  PickleName meaning;
};

constexpr std::array known_names = {
    KnownName{"numpy.core.multiarray", "_reconstruct", PickleName::reconstruct},
    KnownName{"numpy._core.multiarray", "_reconstruct", PickleName::reconstruct},
    KnownName{"numpy.core.multiarray", "scalar", PickleName::scalar},
    KnownName{"numpy._core.multiarray", "scalar", PickleName::scalar},
    KnownName{"numpy", "ndarray", PickleName::ndarray},
    KnownName{"numpy", "dtype", PickleName::dtype},
    KnownName{"_codecs", "encode", PickleName::encode},
};

}  // namespace

void PickleMachine::run() {
  if (in_.size() < 2 || in_.byte() != op::proto) in_.fail(0, "not a pickle of protocol 2, 3 or 4");
  if (const std::uint8_t protocol = in_.byte(); protocol < 2 || protocol > 4)
    in_.fail(1, fmt::format("pickle of protocol {}, expected 2, 3 or 4", protocol));
  while (!stopped_) {
    at_ = in_.offset();
    step(in_.byte());
  }
  if (stack_.size() != 1 || !marks_.empty()) fail(fmt::format("{} values at the end, expected 1", stack_.size()));
  if (in_.left() > 0) in_.fail(in_.offset(), fmt::format("{} bytes after the end of the pickle", in_.left()));
  for (const PickleArray& array : pickle_.arrays_)
    if (array.type.empty()) fail("an array without content");
  pickle_.root_ = stack_.back();
}

void PickleMachine::step(std::uint8_t instruction) {
  if (step_value(instruction) || step_container(instruction) || step_memo(instruction) || step_object(instruction))
    return;
  switch (instruction) {
    case op::frame:
      if (in_.number(8) > static_cast<std::uint64_t>(in_.left())) fail("a frame longer than the file");
      return;
    case op::mark:
      if (marks_.size() == most_marks) fail(fmt::format("nested deeper than {} levels", most_marks));
      return marks_.push_back(stack_.size());
    case op::stop:
      stopped_ = true;
      return;
    default:
      fail(fmt::format("instruction 0x{:02x} is not one of plain data", instruction));
  }
}

bool PickleMachine::step_value(std::uint8_t instruction) {
  const auto push_integer = [&](int bytes, bool is_signed) {
    const std::uint64_t raw = in_.number(bytes);
    push({PickleKind::integer, is_signed ? signed_number(raw, bytes) : static_cast<std::int64_t>(raw)});
  };
  switch (instruction) {
    case op::none:
      return push({}), true;
    case op::newtrue:
      return push({PickleKind::boolean, 1}), true;
    case op::newfalse:
      return push({PickleKind::boolean, 0}), true;
    case op::binint:
      return push_integer(4, true), true;
    case op::binint1:
      return push_integer(1, false), true;
    case op::binint2:
      return push_integer(2, false), true;
    case op::long1: {
      const std::uint8_t bytes = in_.byte();
      if (bytes > 8) fail(fmt::format("a whole number of {} bytes, at most 8 are read", bytes));
      return push_integer(bytes, true), true;
    }
    case op::binfloat:
      return in_.skip(8), push({PickleKind::real}), true;
    case op::short_binstring:
      return push_range(PickleKind::bytes, 1), true;
    case op::binstring:
      return push_range(PickleKind::bytes, 4), true;
    case op::short_binunicode:
      return push_range(PickleKind::text, 1), true;
    case op::binunicode:
      return push_range(PickleKind::text, 4), true;
    case op::binunicode8:
      return push_range(PickleKind::text, 8), true;
    case op::short_binbytes:
      return push_range(PickleKind::bytes, 1), true;
    case op::binbytes:
      return push_range(PickleKind::bytes, 4), true;
    case op::binbytes8:
      return push_range(PickleKind::bytes, 8), true;
    default:
      return false;
  }
}

bool PickleMachine::step_container(std::uint8_t instruction) {
  const auto push_tuple = [&](int items) {
    std::vector<PickleValue> values(static_cast<std::size_t>(items));
    for (std::size_t i = values.size(); i-- > 0;) values[i] = pop();
    push_container(PickleKind::tuple, std::move(values));
  };
  switch (instruction) {
    case op::empty_tuple:
      return push_tuple(0), true;
    case op::tuple1:
      return push_tuple(1), true;
    case op::tuple2:
      return push_tuple(2), true;
    case op::tuple3:
      return push_tuple(3), true;
    case op::tuple:
      return push_container(PickleKind::tuple, pop_to_mark()), true;
    case op::empty_list:
      return push_container(PickleKind::list, {}), true;
    case op::append:
      return append_to(PickleKind::list, {pop()}), true;
    case op::appends:
      return append_to(PickleKind::list, pop_to_mark()), true;
    case op::empty_dict:
      return push_container(PickleKind::dict, {}), true;
    case op::setitem: {
      const PickleValue value = pop(), key = pop();
      return append_to(PickleKind::dict, {key, value}), true;
    }
    case op::setitems: {
      const std::vector<PickleValue> items = pop_to_mark();
      if (items.size() % 2 != 0) fail("a dict with a key that has no value");
      return append_to(PickleKind::dict, items), true;
    }
    default:
      return false;
  }
}

bool PickleMachine::step_memo(std::uint8_t instruction) {
  switch (instruction) {
    case op::binput:
      return memoize(in_.number(1)), true;
    case op::long_binput:
      return memoize(in_.number(4)), true;
    case op::memoize:
      return memoize(memo_.size()), true;
    case op::binget:
    case op::long_binget: {
      const std::uint64_t index = in_.number(instruction == op::binget ? 1 : 4);
      const auto found = memo_.find(index);
      if (found == memo_.end()) fail(fmt::format("value {} is not there yet", index));
      return push(found->second), true;
    }
    default:
      return false;
  }
}

bool PickleMachine::step_object(std::uint8_t instruction) {
  switch (instruction) {
    case op::global: {
      const std::string module = line(), name = line();
      return push_name(module, name), true;
    }
    case op::stack_global: {
      const PickleValue name = pop(), module = pop();
      return push_name(text_of(module), text_of(name)), true;
    }
    case op::reduce:
      return reduce(), true;
    case op::build:
      return build(), true;
    default:
      return false;
  }
}

void PickleMachine::push(PickleValue value) {
  if (++pushes_ > most_values) fail(fmt::format("more than {} values", most_values));
  stack_.push_back(value);
}

void PickleMachine::push_range(PickleKind kind, int length_bytes) {
  const auto length = static_cast<std::int64_t>(in_.number(length_bytes));
  if (pickle_.ranges_.size() == most_objects) fail(fmt::format("more than {} texts", most_objects));
  push({kind, static_cast<std::int64_t>(pickle_.ranges_.size())});
  pickle_.ranges_.push_back({in_.offset(), length});
  in_.skip(length);
}

void PickleMachine::push_container(PickleKind kind, std::vector<PickleValue> items) {
  if (pickle_.containers_.size() == most_objects) fail(fmt::format("more than {} containers", most_objects));
  push({kind, static_cast<std::int64_t>(pickle_.containers_.size())});
  pickle_.containers_.push_back(std::move(items));
}

void PickleMachine::push_name(const std::string& module, const std::string& name) {
  for (const KnownName& known : known_names)
    if (known.module == module && known.name == name)
      return push({PickleKind::name, static_cast<std::int64_t>(known.meaning)});
  fail(fmt::format("refused: it names '{}' of '{}', which is no NumPy data", printable(name), printable(module)));
}

PickleValue PickleMachine::pop() {
  if (stack_.size() <= (marks_.empty() ? 0 : marks_.back())) fail("a value is missing");
  const PickleValue value = stack_.back();
  stack_.pop_back();
  return value;
}

PickleValue& PickleMachine::top(PickleKind expected) {
  if (stack_.size() <= (marks_.empty() ? 0 : marks_.back()) || stack_.back().kind != expected)
    fail("the value that this belongs to is missing or of another kind");
  return stack_.back();
}

std::vector<PickleValue> PickleMachine::pop_to_mark() {
  if (marks_.empty()) fail("a mark is missing");
  const auto begin = stack_.begin() + static_cast<std::ptrdiff_t>(marks_.back());
  std::vector<PickleValue> items(begin, stack_.end());
  stack_.erase(begin, stack_.end());
  marks_.pop_back();
  return items;
}

void PickleMachine::append_to(PickleKind container, const std::vector<PickleValue>& items) {
  std::vector<PickleValue>& all = pickle_.containers_[static_cast<std::size_t>(top(container).number)];
  all.insert(all.end(), items.begin(), items.end());
}

void PickleMachine::memoize(std::uint64_t index) {
  if (stack_.empty()) fail("a value is missing");
  if (memo_.size() == most_memos) fail(fmt::format("more than {} remembered values", most_memos));
  memo_[index] = stack_.back();
}

std::string PickleMachine::text_of(PickleValue value) {
  if (value.kind != PickleKind::text && value.kind != PickleKind::bytes && value.kind != PickleKind::latin1_bytes)
    fail("a text is expected");
  const Pickle::Range range = pickle_.range(value);
  if (range.length > longest_name) fail(fmt::format("a name of {} bytes", range.length));
  const std::int64_t back = in_.offset();
  in_.seek(range.offset);
  std::string text = in_.text(range.length);
  in_.seek(back);
  return text;
}

std::string PickleMachine::line() {
  std::string text;
  for (std::uint8_t c = in_.byte(); c != '\n'; c = in_.byte()) {
    text += static_cast<char>(c);
    if (static_cast<std::int64_t>(text.size()) > longest_name) fail("a name without an end");
  }
  return text;
}

}  // namespace cascadecl
