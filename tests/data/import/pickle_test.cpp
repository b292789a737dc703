#include "data/import/pickle.h"

#include <doctest/doctest.h>
#include <rapidcheck.h>

#include "data/files/error.h"
#include "tests/support/python.h"
#include "tests/support/temporary_folder.h"

using namespace cascadecl;
using namespace std::string_literals;

namespace {

std::string python() { return find_python({"numpy"}); }

std::string little(std::uint64_t value, int bytes) {
  std::string text;
  for (int i = 0; i < bytes; ++i) text += static_cast<char>(value >> (8 * i));
  return text;
}

std::string short_text(const std::string& text) { return "\x8c" + little(text.size(), 1) + text; }
std::string short_bytes(const std::string& bytes) { return "C" + little(bytes.size(), 1) + bytes; }

// {"data": array of uint8 [2, 3], "labels": [1, 1000, -2]} as Python 3 writes it in protocol 3.
std::string small_pickle() {
  const std::string type = "cnumpy\ndtype\n" + short_text("u1") + "\x89\x88\x87RK\x03" + short_text("|") +
                           "NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00t"s + "b";
  std::string reversed = type;  // the state's tuple begins with a mark
  reversed.insert(reversed.find("RK\x03") + 1, "(");
  const std::string array = "cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85"s + short_bytes("b") +
                            "\x87R(K\x01K\x02K\x03\x86" + reversed + "\x89" + short_bytes("\x01\x02\x03\xfd\xfe\xff") +
                            "tb";
  return "\x80\x03}(" + short_text("data") + array + short_text("labels") + "](K\x01M\xe8\x03J\xfe\xff\xff\xff" + "eu.";
}

// The error of reading these bytes as a pickle; "" if it is one.
std::string pickle_error(const std::string& bytes) {
  const TemporaryFolder folder;
  write_text(folder / "batch", bytes);
  return error_of<FileError>([&] { Pickle pickle(folder / "batch"); });
}

void check_small(const Pickle& pickle) {
  const PickleArray& array = pickle.array(pickle.find(pickle.root(), "data").value());
  CHECK(array.type == "|u1");
  CHECK(array.shape == std::vector<std::int64_t>{2, 3});
  CHECK_FALSE(array.column_major);
  PickleBytes bytes(pickle, array.bytes);
  std::vector<std::uint8_t> first(2), rest(4), more(1);
  bytes.read(first);
  CHECK_THROWS_AS(bytes.expect_end(), FileError);
  bytes.read(rest);
  CHECK(first == std::vector<std::uint8_t>{1, 2});
  CHECK(rest == std::vector<std::uint8_t>{3, 253, 254, 255});
  bytes.expect_end();
  CHECK_THROWS_AS(bytes.read(more), FileError);
  std::vector<std::int64_t> labels;
  for (const PickleValue value : pickle.items(pickle.find(pickle.root(), "labels").value())) {
    CHECK(value.kind == PickleKind::integer);
    labels.push_back(value.number);
  }
  CHECK(labels == std::vector<std::int64_t>{1, 1000, -2});
  CHECK_FALSE(pickle.find(pickle.root(), "mean").has_value());
}

}  // namespace

TEST_CASE("a pickle of an array and a list is read as data") {
  const TemporaryFolder folder;
  write_text(folder / "batch", small_pickle());
  check_small(Pickle(folder / "batch"));
}

TEST_CASE("pickles that Python writes in protocols 2, 3 and 4 are read") {
  if (!there_is(python())) return;
  const TemporaryFolder folder;
  run_python(python(), folder.path(), R"(
import pickle, numpy as np
array = np.array([[1, 2, 3], [253, 254, 255]], np.uint8)
forms = {'list': [1, 1000, -2], 'scalars': [np.int64(1), np.int32(1000), np.int8(-2)]}
for protocol in (2, 3, 4):
    for form, labels in forms.items():
        for key in (str, lambda text: text.encode()):
            name = f'{form}-{protocol}-{"b" if key("x") == b"x" else "s"}'
            data = pickle.dumps({key('data'): array, key('labels'): labels}, protocol)
            with open(name, 'wb') as file: file.write(data)
            if protocol < 4:
                old, new = b'cnumpy.core.multiarray\n', b'cnumpy._core.multiarray\n'
                with open(name + '-renamed', 'wb') as file:
                    file.write(data.replace(old, new) if old in data else data.replace(new, old))
)");
  int files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder.path())) {
    if (entry.path().filename() == "program.py") continue;
    CAPTURE(entry.path().string());
    check_small(Pickle(entry.path()));
    ++files;
  }
  CHECK(files == 20);
}

TEST_CASE("a pickle that would run a program is refused, and nothing runs") {
  const TemporaryFolder folder;
  const std::string mark = (folder / "ran").string(), command = "touch " + mark;
  const std::string argument = "X" + little(command.size(), 4) + command;
  const std::vector<std::pair<std::string, std::string>> attacks = {
      {"\x80\x02"
       "cposix\nsystem\n" +
           argument + "\x85R.",
       "'system' of 'posix'"},
      {"\x80\x02"
       "cos\nsystem\n" +
           argument + "\x85R.",
       "'system' of 'os'"},
      {"\x80\x02"
       "c__builtin__\neval\n" +
           argument + "\x85R.",
       "'eval' of '__builtin__'"},
      {"\x80\x04" + short_text("subprocess") + short_text("call") + "\x93" + argument + "\x85R.", "'call'"},
      {"\x80\x04" + short_text("numpy.core.multiarray") + short_text("fromfile") + "\x93.", "'fromfile'"},
      {"\x80\x02(" + argument + "ios\nsystem\n.", "instruction 0x69"},
      {"\x80\x02(cos\nsystem\n" + argument + "o.", "'system'"},
      {"\x80\x02" + argument + "Q.", "instruction 0x51"},      // persistent id
      {"\x80\x02\x82\x01.", "instruction 0x82"},               // extension registry
      {"\x80\x02" + argument + ")\x81.", "instruction 0x81"},  // NEWOBJ
      {"\x80\x02"
       "cnumpy\nndarray\n)R.",
       "refused"},  // a known name where it has no business
      {"\x80\x02"
       "c_codecs\nencode\n" +
           argument + short_text("rot13") + "\x86R.",
       "Latin-1"},
      {"\x80\x02"
       "cnumpy\ndtype\n" +
           short_text("O8") + "\x89\x88\x87R.",
       "'O8'"},
      {"\x80\x02]}b.", "refused"},
  };
  for (const auto& [bytes, part] : attacks) {
    const std::string error = pickle_error(bytes);
    CAPTURE(error);
    CHECK(contains(error, part));
    CHECK(contains(error, "/batch: offset "));
    CHECK(error.find('\n') == std::string::npos);
  }
  CHECK_FALSE(std::filesystem::exists(mark));
}

TEST_CASE("a name's odd characters cannot break the error's line") {
  const std::string error = pickle_error(
      "\x80\x02"
      "ca\x1b[31m\r\nb\n.");
  CHECK(contains(error, "'b' of 'a?[31m?'"));
}

TEST_CASE("a pickle cut at any byte is refused") {
  const std::string whole = small_pickle();
  REQUIRE(pickle_error(whole) == "");
  for (std::size_t bytes = 0; bytes < whole.size(); ++bytes) {
    CAPTURE(bytes);
    CHECK(contains(pickle_error(whole.substr(0, bytes)), "/batch: offset "));
  }
  CHECK(contains(pickle_error(whole + "."), "1 bytes after the end"));
}

TEST_CASE("sizes that a pickle cannot hold are refused before memory is taken for them") {
  for (const std::string& bytes :
       {"\x80\x03"
        "B\xff\xff\xff\xff."s,
        "\x80\x04\x8e\xff\xff\xff\xff\xff\xff\xff\x7f."s, "\x80\x04\x8e\xff\xff\xff\xff\xff\xff\xff\xff."s,
        "\x80\x03X\xff\xff\xff\x7f."s, "\x80\x03T\xff\xff\xff\xff."s}) {
    CHECK(contains(pickle_error(bytes), "bytes expected"));
  }
  CHECK(contains(pickle_error("\x80\x04\x95\xff\xff\xff\xff\xff\xff\xff\xff."s), "frame"));
  CHECK(contains(pickle_error("\x80\x02\x8a\xff."s + std::string(255, 'x')), "255 bytes"));
  CHECK(contains(pickle_error("\x80\x02j\xff\xff\xff\xff."s), "not there yet"));
  CHECK(pickle_error("\x80\x02Nr\xff\xff\xff\xff."s) == "");
  std::string other_shape = small_pickle();
  other_shape.replace(other_shape.find("K\x02K\x03"), 4, "K\x02K\x04");
  CHECK(contains(pickle_error(other_shape), "an array of 6 bytes, its shape and type need 8"));
  std::string huge_shape = small_pickle();
  const std::string side = "\x8a\x08" + little(std::uint64_t{1} << 62, 8);
  huge_shape.replace(huge_shape.find("K\x02K\x03"), 4, side + side);
  CHECK(contains(pickle_error(huge_shape), "impossible shape"));
}

TEST_CASE("deep nesting and long repetition are refused, not followed") {
  CHECK(contains(pickle_error("\x80\x02" + std::string(200, '(') + "."), "nested deeper than 100"));
  std::string tuples = "\x80\x02)";
  for (int i = 0; i < 100'000; ++i) tuples += "\x85";
  CHECK(pickle_error(tuples + ".") == "");  // a chain of 100,000 tuples takes no call stack
  CHECK(contains(pickle_error("\x80\x02" + std::string(4'000'001, 'N') + "."), "more than 4000000 values"));
  CHECK(contains(pickle_error("\x80\x02" + std::string(1'000'001, ']') + "."), "more than 1000000 containers"));
  CHECK(pickle_error("\x80\x02]q\x00h\x00"
                     "a."s) == "");  // a list in itself
}

TEST_CASE("what is no pickle, or one of another protocol, is refused") {
  CHECK(contains(pickle_error(""), "not a pickle"));
  CHECK(contains(pickle_error("(dp0\n."), "not a pickle"));
  CHECK(contains(pickle_error("\x80\x01."), "protocol 1"));
  CHECK(contains(pickle_error("\x80\x05N."), "protocol 5"));
  CHECK(contains(pickle_error("\x80\x02."), "0 values at the end"));
  CHECK(contains(pickle_error("\x80\x02NN."), "2 values at the end"));
  CHECK(contains(pickle_error("\x80\x02"
                              "0."),
                 "instruction 0x30"));
  CHECK(contains(pickle_error("\x80\x02(a."), "value is missing"));
  CHECK(contains(pickle_error("\x80\x02](N"
                              "e(NNu."),
                 "missing or of another kind"));
  CHECK(contains(error_of<FileError>([] { Pickle pickle("no-such-batch"); }), "no such file"));
}

TEST_CASE("a pickle with any bytes changed is read or refused") {
  const std::string whole = small_pickle();
  CHECK(rc::check([&] {
    std::string changed = whole;
    for (int i = *rc::gen::inRange(1, 4); i > 0; --i)
      changed[*rc::gen::inRange<std::size_t>(2, changed.size())] =
          static_cast<char>(*rc::gen::arbitrary<std::uint8_t>());
    const std::string error = pickle_error(changed);
    RC_ASSERT(error.empty() || contains(error, "/batch: offset "));
  }));
}
