#include "cli/line_reader.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <string>
#include <string_view>
#include <thread>

#include "data/files/error.h"

namespace cascadecl {
namespace {

// A pipe whose writing end is open until close().
struct Pipe {
  Pipe() { REQUIRE(::pipe(ends.data()) == 0); }
  ~Pipe() {
    ::close(ends[0]);
    close();
  }
  Pipe(const Pipe&) = delete;
  Pipe& operator=(const Pipe&) = delete;
  void write(std::string_view text) const {
    REQUIRE(::write(ends[1], text.data(), text.size()) == static_cast<ssize_t>(text.size()));
  }
  void close() {
    if (ends[1] >= 0) ::close(ends[1]);
    ends[1] = -1;
  }
  std::array<int, 2> ends{};
};

TEST_CASE("lines come as they are written, however they are cut, and the last may lack its end") {
  Pipe pipe;
  LineReader lines(pipe.ends[0], "pipe");
  pipe.write("one\n\ntw");
  CHECK(lines.next() == "one");
  CHECK(lines.next() == "");
  pipe.write("o\n" + std::string(9000, 'x') + "\nlast");
  CHECK(lines.next() == "two");
  CHECK(lines.next() == std::string(9000, 'x'));
  pipe.close();
  CHECK(lines.next() == "last");
  CHECK_FALSE(lines.next().has_value());
  CHECK_FALSE(lines.next().has_value());
}

TEST_CASE("pieces may end in another byte, and then hold line ends") {
  Pipe pipe;
  LineReader names(pipe.ends[0], "pipe", '\0');
  pipe.write(std::string_view("a\nb\0c\0", 6));
  pipe.close();
  CHECK(names.next() == "a\nb");
  CHECK(names.next() == "c");
  CHECK_FALSE(names.next().has_value());
}

TEST_CASE("stop ends a wait for a line, and drops lines that are there") {
  const Pipe pipe;
  LineReader lines(pipe.ends[0], "pipe");
  std::thread stopper([&] { lines.stop(); });
  CHECK_FALSE(lines.next().has_value());
  stopper.join();
  pipe.write("one\ntwo\n");
  CHECK_FALSE(lines.next().has_value());
  lines.stop();
}

TEST_CASE("a file that cannot be read is an error with its name") {
  const int folder = ::open("/", O_RDONLY);
  LineReader lines(folder, "standard input");
  CHECK_THROWS_WITH_AS(lines.next(), "standard input: Is a directory", FileError);
  ::close(folder);
}

}  // namespace
}  // namespace cascadecl
