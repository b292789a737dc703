#include <doctest/doctest.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sstream>

#include "tests/cli/fixtures.h"
#include "tests/cli/layers.h"
#include "tests/cli/process.h"

namespace cascadecl::testing {
namespace {

// For the standard input of a process: stays open, as it does where names come from a program that runs on.
class OpenInput {
 public:
  explicit OpenInput(const std::filesystem::path& file) : file_(file) {
    REQUIRE(::mkfifo(file.c_str(), 0600) == 0);
    end_ = ::open(file.c_str(), O_RDWR);
    REQUIRE(end_ >= 0);
  }
  ~OpenInput() { ::close(end_); }
  OpenInput(const OpenInput&) = delete;
  OpenInput& operator=(const OpenInput&) = delete;
  void write_line(const std::string& line) const {
    const std::string text = line + "\n";
    REQUIRE(::write(end_, text.data(), text.size()) == static_cast<ssize_t>(text.size()));
  }
  const std::filesystem::path& file() const { return file_; }

 private:
  std::filesystem::path file_;
  int end_;
};

TEST_CASE("predict --stream answers the files that it is told on standard input, line by line") {
  const SmallWorld world;
  std::vector<std::string> files;
  std::string names;
  for (int i = 0; i < 5; ++i) {
    files.push_back(world.path(std::to_string(i) + ".png"));
    write_png(files.back(), 8, 8, 3, random_pixels(192));
    names += files.back() + "\n";
  }
  write_text(world.folder / "names", names);
  const Finished run = Process({"predict", world.model(), "--stream"}, {}, {}, world.folder / "names").wait();
  CAPTURE(run.err);
  REQUIRE(run.status == 0);
  std::vector<std::string> arguments = {"predict", world.model(), "--json"};
  arguments.insert(arguments.end(), files.begin(), files.end());
  const nlohmann::json expected = cascadecl_run(arguments).json()["images"];
  std::istringstream lines(run.out);
  std::size_t i = 0;
  for (std::string line; std::getline(lines, line); ++i) {
    const nlohmann::json answer = nlohmann::json::parse(line);
    REQUIRE(i < files.size());
    CHECK(answer["image"] == files[i]);
    CHECK(answer["label"] == expected[i]["label"]);
    CHECK(answer["exit_stage"] == expected[i]["exit_stage"]);
    CHECK(answer["latency_ms"] > 0);
  }
  CHECK(i == files.size());
}

// The lines of JSON that a stream printed.
std::vector<nlohmann::json> json_lines(const Finished& run) {
  std::vector<nlohmann::json> all;
  std::istringstream lines(run.out);
  for (std::string line; std::getline(lines, line);) all.push_back(nlohmann::json::parse(line));
  return all;
}

TEST_CASE("predict --stream tells on its line why a file cannot be read, and goes on") {
  const SmallWorld world;
  write_png(world.path("a.png"), 30, 20, 3, random_pixels(1800));
  write_text(world.folder / "bad.png", "\x89PNG, or not");
  write_text(world.folder / "names", world.path("missing.png") + "\n" + world.path("a.png") + "\n" +
                                         world.path("bad.png") + "\n" + world.path("a.png"));
  const Finished run =
      Process({"predict", world.model(), "--stream", "--top", "2"}, {}, {}, world.folder / "names").wait();
  CHECK(run.status == 4);
  CHECK(without_warnings(run.err) == "cascadecl predict: 2 of the 4 images cannot be read\n");
  const std::vector<nlohmann::json> lines = json_lines(run);
  REQUIRE(lines.size() == 4);
  CHECK(lines[0]["image"] == world.path("missing.png"));
  CHECK(lines[0]["error"] == world.path("missing.png") + ": there is no such file");
  CHECK(contains(lines[2]["error"], "bad.png: damaged PNG"));
  for (const std::size_t i : {1U, 3U}) {
    CHECK(lines[i]["image"] == world.path("a.png"));
    CHECK(lines[i]["top"].size() == 2);
    CHECK(lines[i]["top"][0]["label"] == lines[i]["label"]);
  }
}

TEST_CASE("predict --stream tells of a file that cannot be read though no other name comes") {
  const SmallWorld world;
  const OpenInput input(world.folder / "names");
  const std::string answers = world.path("answers");
  Process process({"predict", world.model(), "--stream"}, answers, {}, input.file());
  input.write_line(world.path("missing.png"));
  for (int i = 0; i < 6000 && (!std::filesystem::exists(answers) || read_text(answers).empty()); ++i) ::usleep(20'000);
  CHECK(contains(read_text(answers), "there is no such file"));
}

TEST_CASE("names for predict --stream may end in CR LF, or with -0 in a NUL byte") {
  const SmallWorld world;
  const std::string odd = world.path("a\r\nb.png"), plain = world.path("c.png");
  write_png(odd, 8, 8, 3, random_pixels(192));
  write_png(plain, 8, 8, 3, random_pixels(192));
  const auto run = [&](const std::string& names, std::vector<std::string> flags) {
    write_text(world.folder / "names", names);
    flags.insert(flags.begin(), {"predict", world.model(), "--stream"});
    return Process(flags, {}, {}, world.folder / "names").wait();
  };
  const Finished lines = run(plain + "\r\n\r\n" + plain + "\n", {});
  CHECK(lines.status == 0);
  REQUIRE(json_lines(lines).size() == 2);
  CHECK(json_lines(lines)[0]["image"] == plain);

  const std::string nul(1, '\0');
  const Finished null = run(odd + nul + plain + nul, {"-0"});
  CHECK(null.status == 0);
  REQUIRE(json_lines(null).size() == 2);
  CHECK(json_lines(null)[0]["image"] == odd);
  CHECK(json_lines(null)[1]["image"] == plain);

  const Finished mixed = run(plain + nul + plain + nul + "\n" + plain + "\n", {});
  CHECK(mixed.status == 4);
  REQUIRE(json_lines(mixed).size() == 2);
  CHECK(contains(json_lines(mixed)[0]["error"], "holds a NUL byte"));
  CHECK(json_lines(mixed)[1]["image"] == plain);
}

TEST_CASE("predict ends at once where standard input is closed") {
  const SmallWorld world;
  for (const char* arguments : {"--stream", "-"})
    CHECK(error_fault(Process({"predict", world.model(), arguments}, {}, {}, {}).wait(), 4,
                      "standard input: is closed") == "");
}

TEST_CASE("predict --stream prints the name of a file that is no UTF-8 with a mark in place of what is none") {
  const SmallWorld world;
  const std::string file = world.path("a\xFF.png");
  write_png(file, 8, 8, 3, random_pixels(192));
  write_text(world.folder / "names", file + "\n");
  const Finished run = Process({"predict", world.model(), "--stream"}, {}, {}, world.folder / "names").wait();
  CAPTURE(run.err);
  REQUIRE(run.status == 0);
  CHECK(contains(run.json()["image"], "a\xEF\xBF\xBD.png"));
}

TEST_CASE("predict --stream ends when its output cannot be written, though standard input stays open") {
  const SmallWorld world;
  write_png(world.path("a.png"), 8, 8, 3, random_pixels(192));
  const OpenInput input(world.folder / "names");
  Process process({"predict", world.model(), "--stream"}, "/dev/full", {}, input.file());
  input.write_line(world.path("a.png"));
  CHECK(error_fault(process.wait(), 1, "standard output: No space left on device") == "");
}

TEST_CASE("predict --stream ends when a device fails, though standard input stays open") {
  const SmallWorld world;
  write_png(world.path("a.png"), 8, 8, 3, random_pixels(192));
  const std::string log = world.path("calls");
  REQUIRE(cascadecl_run({"predict", world.model(), "--stream"}, faulty("calls=read, log=" + log)).status == 0);
  const std::string calls = read_text(log);  // those of warming up
  const auto reads = std::count(calls.begin(), calls.end(), '\n');
  REQUIRE(reads > 0);
  const OpenInput input(world.folder / "names");
  Process process({"predict", world.model(), "--stream"}, {},
                  faulty("calls=read, return=CL_OUT_OF_RESOURCES, at=" + std::to_string(reads + 1)), input.file());
  input.write_line(world.path("a.png"));
  CHECK(error_fault(process.wait(), 1, "CL_OUT_OF_RESOURCES") == "");
}

TEST_CASE("predict --stream loses and reorders nothing of more images than it keeps") {
  const SmallWorld world;
  write_png(world.path("a.png"), 8, 8, 3, random_pixels(192));
  constexpr std::size_t count = 20000;
  std::string names;
  for (std::size_t i = 0; i < count; ++i)
    names += world.folder.path().string() + std::string(1 + i % 9, '/') + "a.png\n";
  write_text(world.folder / "names", names);
  const std::string fifo = world.path("answers");
  REQUIRE(::mkfifo(fifo.c_str(), 0600) == 0);
  const int end = ::open(fifo.c_str(), O_RDONLY | O_NONBLOCK);
  REQUIRE(end >= 0);
  Process process({"predict", world.model(), "--stream"}, fifo, {}, world.folder / "names");
  pollfd there{.fd = end, .events = POLLIN, .revents = 0};
  REQUIRE(::poll(&there, 1, 120'000) == 1);  // before the program has opened it, a read would tell its end
  REQUIRE(::fcntl(end, F_SETFL, 0) == 0);
  std::FILE* const answers = ::fdopen(end, "r");
  std::size_t i = 0;
  char line[4096];
  while (std::fgets(line, sizeof line, answers)) {
    const std::string name = world.folder.path().string() + std::string(1 + i % 9, '/') + "a.png";
    if (nlohmann::json::parse(line)["image"] != name) break;
    ++i;
  }
  std::fclose(answers);
  CHECK(i == count);
  CHECK(process.wait().status == 0);
}

TEST_CASE("predict --stream keeps no trace, which would grow as long as names come") {
  const SmallWorld world;
  CHECK(error_fault(cascadecl_run({"predict", world.model(), "--stream", "--trace", world.path("t.json")}), 2,
                    "--trace: not with --stream") == "");
}

}  // namespace
}  // namespace cascadecl::testing
