#include <doctest/doctest.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <thread>

#include "cli/shell_command.h"
#include "data/dataset_file.h"
#include "data/dataset_writer.h"
#include "tests/cli/fixtures.h"
#include "tests/cli/process.h"

// What happens around a command must not cost a user anything: files that it writes and reads, other processes, signals
// and what becomes of its standard streams.
namespace cascadecl::testing {
namespace {

// The status of the program run by a shell, with redirections behind its arguments.
int status_of(const std::vector<std::string>& arguments, const std::string& redirections) {
  std::vector<std::string> words = {CASCADECL_PROGRAM};
  words.insert(words.end(), arguments.begin(), arguments.end());
  const int status = std::system((shell_command(words) + " " + redirections).c_str());
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

std::vector<std::string> short_training(const SmallWorld& world, const std::string& model, const std::string& epochs) {
  return {"train",        "--data", world.data(), "--stages", "resnet-8,resnet-14", "-o",      model,
          "--batch-size", "8",      "--epochs",   epochs,     "--phases",           "pretrain"};
}

TEST_CASE("an output that is an input of the same command is refused, and stays as it is") {
  const SmallWorld world;
  const std::string model = world.model(), data = world.data(), link = world.path("link.h5");
  write_png(world.folder / "a.png", 8, 8, 3, random_pixels(192));
  std::filesystem::create_symlink(data, link);
  const std::string picture = world.path("a.png");
  const std::string before = read_text(model) + read_text(data) + read_text(picture);
  const std::vector<std::vector<std::string>> commands = {
      {"predict", model, "--data", data, "-o", model},
      {"predict", model, "--data", data, "-o", data},
      {"predict", model, "--data", data + ":test", "-o", link},
      {"predict", model, "-o", picture, picture},
      {"train", "--data", data, "--stages", "resnet-8", "-o", data},
      {"train", "--data", data, "--stages", "resnet-8", "-o", world.path("n.h5"), "--checkpoint", data},
      {"train", "--data", data, "--stages", "resnet-8," + model + "#1", "-o", model},
      {"train", "--data", data, "--from", model, "-o", model},
      {"train", "--data", data, "--stages", "resnet-8", "-o", world.path("n.h5"), "--checkpoint", world.path("n.h5")},
      {"report", model, "--data", data, "-o", model},
      {"eval", model, "--data", data, "--trace", data},
      {"profile", model, "--data", data, "--csv", model},
      {"profile", model, "--data", data, "--csv", world.path("x"), "--markdown", world.path("x")},
      {"sweep", model, "--data", data, "-o", data},
      {"calibrate", model, "--data", data, "-o", data}};
  for (const auto& command : commands) {
    CAPTURE(shell_command(command));
    CHECK(error_fault(cascadecl_run(command), 2, "too; nothing is written over it") == "");
  }
  CHECK(read_text(model) + read_text(data) + read_text(picture) == before);
}

TEST_CASE("whatever becomes of standard error, a command goes on and ends with its status") {
  const SmallWorld world;
  for (const std::string redirection : {"2>&-", "2>/dev/full"}) {
    CAPTURE(redirection);
    CHECK(status_of({"nope"}, redirection) == 2);
    CHECK(status_of({"info", world.path("missing.h5")}, redirection) == 4);
    CHECK(status_of(short_training(world, world.path("m.h5"), "1"), redirection + " >/dev/null") == 0);
  }
  // A reader that has left: each write to the pipe fails.
  int ends[2];
  REQUIRE(::pipe2(ends, O_CLOEXEC) == 0);
  ::close(ends[0]);
  const int copy = ::dup(ends[1]);  // not closed at exec
  CHECK(status_of(short_training(world, world.path("m.h5"), "1"), fmt::format("2>&{} >/dev/null", copy)) == 0);
  CHECK(status_of({"nope"}, fmt::format("2>&{}", copy)) == 2);
  ::close(copy);
  ::close(ends[1]);
}

TEST_CASE("closed standard input and output are errors, and none becomes a file of ours") {
  const SmallWorld world;
  const std::string err = world.path("err");
  CHECK(status_of({"predict", world.model(), "--stream"}, "<&- 2>" + err) == 4);
  CHECK(contains(read_text(err), "standard input"));
  CHECK(status_of({"info", world.model()}, ">&- 2>" + err) == 1);
  CHECK(contains(read_text(err), "standard output: "));
  CHECK(status_of({"predict", world.model(), "--data", world.data(), "-o", world.path("o.h5")}, ">&- 2>&-") == 1);
}

TEST_CASE("a second training into the same file is refused while the first one runs") {
  const SmallWorld world;
  const std::string model = world.path("m.h5");
  const Process first(short_training(world, model, "1000"));
  while (!contains(first.err_so_far(), "epoch 1:")) std::this_thread::sleep_for(std::chrono::milliseconds(2));
  CHECK(error_fault(cascadecl_run(short_training(world, model, "1")), 2, "m.h5: another process is at work on it") ==
        "");
  std::vector<std::string> other = short_training(world, world.path("n.h5"), "1");
  other.insert(other.end(), {"--checkpoint", model + ".checkpoint"});
  CHECK(error_fault(cascadecl_run(other), 2, "m.h5.checkpoint: another process") == "");
  CHECK_FALSE(std::filesystem::exists(world.path(".n.h5.lock")));
}

TEST_CASE("SIGHUP stops a training as Ctrl-C does, unless it is to be ignored") {
  const SmallWorld world;
  const std::string model = world.path("m.h5");
  Process process(short_training(world, model, "1000"));
  while (!contains(process.err_so_far(), "epoch 1:")) std::this_thread::sleep_for(std::chrono::milliseconds(2));
  process.signal(SIGHUP);
  const Finished stopped = process.wait();
  CHECK(stopped.status == 1);
  CHECK(contains(stopped.err, "--resume"));
  CHECK(std::filesystem::exists(model + ".checkpoint"));

  const auto before = ::signal(SIGHUP, SIG_IGN);  // as nohup does; inherited
  Process ignoring(short_training(world, world.path("n.h5"), "4"));
  ::signal(SIGHUP, before);
  while (!contains(ignoring.err_so_far(), "epoch 1:")) std::this_thread::sleep_for(std::chrono::milliseconds(2));
  ignoring.signal(SIGHUP);
  const Finished ended = ignoring.wait();
  CAPTURE(ended.err);
  CHECK(ended.status == 0);
}

TEST_CASE("a command that a signal ends leaves no temporary file, one that is killed none after the next") {
  const SmallWorld world;
  const std::filesystem::path folder = world.folder / "out";
  std::filesystem::create_directory(folder);
  const std::vector<std::string> generate = {"data",    "generate", "-o", (folder / "d.h5").string(),
                                             "--train", "2000000"};
  const auto files = [&] { return std::distance(std::filesystem::directory_iterator(folder), {}); };
  for (const int number : {SIGINT, SIGTERM, SIGHUP, SIGKILL}) {
    CAPTURE(number);
    Process process(generate);
    while (files() == 0) std::this_thread::sleep_for(std::chrono::milliseconds(2));
    process.signal(number);
    CHECK(process.wait().status == 128 + number);
    CHECK(files() == (number == SIGKILL ? 1 : 0));
  }
  REQUIRE(
      cascadecl_run({"data", "generate", "-o", (folder / "d.h5").string(), "--train", "20", "--test", "10"}).status ==
      0);
  CHECK(files() == 1);
  CHECK(std::filesystem::exists(folder / "d.h5"));
}

TEST_CASE("text readers refuse pipes, devices and folders at once") {
  const SmallWorld world;
  const std::string pipe = world.path("pipe");
  REQUIRE(::mkfifo(pipe.c_str(), 0600) == 0);
  for (const std::string& file : {pipe, std::string("/dev/zero"), world.folder.path().string()}) {
    CAPTURE(file);
    CHECK(error_fault(cascadecl_run({"eval", world.model(), "--config", file}), 4, file) == "");
    CHECK(error_fault(cascadecl_run({"profile", "compare", file, file}), 4, file) == "");
    CHECK(error_fault(cascadecl_run({"report", file, "-o", world.path("r.html")}), 4, file) == "");
    CHECK(cascadecl_run({"info", world.model(), "--config", world.path("none")}).status == 4);
  }
  write_text(world.folder / "net.json", "{");
  std::filesystem::remove(world.folder / "net.json");
  REQUIRE(::mkfifo(world.path("net.json").c_str(), 0600) == 0);
  CHECK(error_fault(cascadecl_run({"info", "--stages", world.path("net.json")}), 4, "is a pipe or a device") == "");
}

TEST_CASE("text from a file reaches the terminal without what moves its cursor") {
  const SmallWorld world;
  const std::string name = world.path("evil.h5");
  {
    DatasetWriter writer(
        name,
        {.name = "a\x1b]0;title\x07\n\tname", .dims = {3, 8, 8}, .label_names = {"cat\x1b[2J", "dog\nsecond line"}});
    writer.begin_split("train", 2);
    writer.append(random_pixels(2 * 192), std::vector<std::int32_t>{0, 1});
    writer.commit();
  }
  const Finished info = cascadecl_run({"data", "info", name});
  CAPTURE(info.out);
  REQUIRE(info.status == 0);
  CHECK(contains(info.out, "cat\\x1b[2J"));
  for (const char control : {'\x1b', '\x07'}) CHECK(info.out.find(control) == std::string::npos);
  const Finished refused = cascadecl_run({"eval", world.model(), "--data", name + ":train"});
  CHECK(refused.status == 4);
  for (const char control : {'\x1b', '\x07'}) CHECK(refused.err.find(control) == std::string::npos);
}

TEST_CASE("a file that another program writes is told from one that is damaged") {
  const SmallWorld world;
  const int file = ::open(world.data().c_str(), O_RDWR);
  REQUIRE(::flock(file, LOCK_EX) == 0);
  CHECK(error_fault(cascadecl_run({"data", "info", world.data()}), 4, "data.h5: another program is writing it") == "");
  ::close(file);
  CHECK(cascadecl_run({"data", "info", world.data()}).status == 0);
}

}  // namespace
}  // namespace cascadecl::testing
