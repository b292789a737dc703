#pragma once
// Private to pickle*.cpp.
#include <unordered_map>

#include "data/import/pickle.h"

namespace cascadecl {

// The names that a pickle may hold; what they stand for in Python is only ever recognised as a pattern.
enum class PickleName : std::uint8_t { reconstruct, scalar, ndarray, dtype, encode };

// Objects of one kind that a file can make us keep; a batch of ImageNet32x32 has a few dozen, and 130,000 labels.
constexpr std::size_t most_objects = 1'000'000;

// Follows the instructions of a pickle file, which build values on a stack, and fills a Pickle with them.
class PickleMachine {
 public:
  PickleMachine(ByteReader& reader, Pickle& pickle) : in_(reader), pickle_(pickle) {}
  void run();

 private:
  void step(std::uint8_t instruction);
  bool step_value(std::uint8_t instruction);      // numbers, texts, bytes
  bool step_container(std::uint8_t instruction);  // tuples, lists, dicts
  bool step_memo(std::uint8_t instruction);
  bool step_object(std::uint8_t instruction);  // names and what is made with them

  void push(PickleValue value);
  void push_range(PickleKind kind, int length_bytes);
  void push_container(PickleKind kind, std::vector<PickleValue> items);
  void push_name(const std::string& module, const std::string& name);
  PickleValue pop();
  PickleValue& top(PickleKind expected);
  std::vector<PickleValue> pop_to_mark();
  void append_to(PickleKind container, const std::vector<PickleValue>& items);
  void memoize(std::uint64_t index);

  void reduce();
  void reduce_encode(std::span<const PickleValue> arguments);
  void reduce_reconstruct(std::span<const PickleValue> arguments);
  void reduce_dtype(std::span<const PickleValue> arguments);
  void reduce_scalar(std::span<const PickleValue> arguments);
  void build();
  void build_type(PickleValue type, std::span<const PickleValue> state);
  void build_array(PickleValue array, std::span<const PickleValue> state);

  std::string text_of(PickleValue value);  // of a short text or bytes
  std::string line();                      // up to a line end
  bool is(PickleValue value, PickleName name) const {
    return value.kind == PickleKind::name && value.number == static_cast<std::int64_t>(name);
  }
  [[noreturn]] void fail(std::string_view problem) const { in_.fail(at_, problem); }

  ByteReader& in_;
  Pickle& pickle_;
  std::int64_t at_ = 0;  // offset of the instruction at work
  bool stopped_ = false;
  std::vector<PickleValue> stack_;
  std::vector<std::size_t> marks_;  // heights of the stack
  std::unordered_map<std::uint64_t, PickleValue> memo_;
  std::size_t pushes_ = 0;
};

// A whole number of so many bytes, 0 to 8, in two's complement.
std::int64_t signed_number(std::uint64_t raw, int bytes);

// The byte that the character at utf8[used] stands for, moving `used` behind it; -1 if it is none of Latin-1, or cut.
int next_latin1(std::span<const std::uint8_t> utf8, std::size_t& used);

// Bytes of one number of a NumPy type like "<i8" or "u1"; 0 if it is no type of numbers.
int number_bytes(std::string_view type);

}  // namespace cascadecl
