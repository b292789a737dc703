#include "data/files/atomic_file.h"

#include <doctest/doctest.h>
#include <sys/wait.h>
#include <unistd.h>

#include "data/files/error.h"
#include "data/files/temporary_files.h"
#include "tests/support/full_disk.h"
#include "tests/support/temporary_folder.h"

using namespace cascadecl;
namespace fs = std::filesystem;

TEST_CASE("an atomic file replaces its target on commit and leaves no other file") {
  const TemporaryFolder folder;
  write_text(folder / "result", "old");
  AtomicFile file(folder / "result");
  file.append("new ");
  file.append("text");
  CHECK(read_text(folder / "result") == "old");
  file.commit();
  CHECK(read_text(folder / "result") == "new text");
  CHECK(folder.entries() == 1);
}

TEST_CASE("an atomic file given up leaves the old file and no other") {
  const TemporaryFolder folder;
  write_text(folder / "result", "old");
  { AtomicFile(folder / "result").append("half"); }
  CHECK(read_text(folder / "result") == "old");
  CHECK(folder.entries() == 1);
}

TEST_CASE("temporary files of processes that are no more go, others stay") {
  const TemporaryFolder folder;
  const fs::path ours = temporary_name(folder / "result");
  const std::string own = std::to_string(::getpid());
  const pid_t child = ::fork();
  if (child == 0) ::_exit(0);
  REQUIRE(::waitpid(child, nullptr, 0) == child);  // now a number of no process
  std::string abandoned = ours.string();
  abandoned.replace(abandoned.rfind("~" + own + "-") + 1, own.size(), std::to_string(child));
  write_text(abandoned, "half");
  write_text(ours, "half");
  write_text(folder / ".other~machine~1-0.tmp", "half");
  { AtomicFile(folder / "result").append("whole"); }
  CHECK_FALSE(fs::exists(abandoned));
  CHECK(fs::exists(ours));
  CHECK(folder.entries() == 2);
}

TEST_CASE("a full disk is an output error that names the file, and the old file stays") {
  const TemporaryFolder folder;
  write_text(folder / "result", "old");
  const std::string error = error_of<OutputError>([&] {
    const FullDisk full(1000);
    AtomicFile file(folder / "result");
    file.append(std::string(5000, 'x'));
    file.commit();
  });
  CHECK(contains(error, (folder / "result").string()));
  CHECK(read_text(folder / "result") == "old");
  CHECK(folder.entries() == 1);
}

TEST_CASE("an atomic file refuses targets that cannot become a file") {
  const TemporaryFolder folder;
  const auto error = [](const fs::path& target) { return error_of<OutputError>([&] { AtomicFile file(target); }); };
  CHECK(contains(error(folder / "none" / "result"), "No such file or directory"));
  CHECK(contains(error(folder.path()), "is a folder"));
  CHECK(contains(error("/dev/full"), "not a regular file"));
  CHECK(contains(error(""), "not a file name"));
  CHECK(folder.entries() == 0);
}

TEST_CASE("an atomic file replaces what a symbolic link points to, not the link") {
  const TemporaryFolder folder;
  write_text(folder / "real", "old");
  fs::create_symlink("real", folder / "link");
  AtomicFile file(folder / "link");
  file.append("new");
  file.commit();
  CHECK(fs::is_symlink(folder / "link"));
  CHECK(read_text(folder / "real") == "new");
}

TEST_CASE("a name without a folder is a file in the current folder") {
  const TemporaryFolder folder;
  const fs::path before = fs::current_path();
  fs::current_path(folder.path());
  AtomicFile file("result");
  file.append("text");
  file.commit();
  fs::current_path(before);
  CHECK(read_text(folder / "result") == "text");
}
