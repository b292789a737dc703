#include "cli/name_queue.h"

#include <doctest/doctest.h>

#include <thread>

namespace cascadecl {
namespace {

TEST_CASE("names come out in their order, and who adds them waits for who takes them") {
  constexpr int count = 1000;
  NameQueue names(7);
  REQUIRE(names.push({"0", ""}));
  std::thread reader([&] {
    for (int i = 1; i < count; ++i) names.push({std::to_string(i), ""});
  });
  while (names.longest() < 7) std::this_thread::yield();  // now it waits
  for (int i = 0; i + 1 < count; ++i) {
    CHECK(names.pop().value().name == std::to_string(i));
  }
  reader.join();
  CHECK(names.pop().value().name == std::to_string(count - 1));
  CHECK(names.longest() == 7);
}

TEST_CASE("who waits for a name is told that none comes any more, after those that are there") {
  NameQueue names(2);
  std::thread reader([&] {
    names.push({"a", "no such file"});
    names.close();
  });
  CHECK(names.pop().value().problem == "no such file");
  CHECK_FALSE(names.pop().has_value());
  reader.join();
}

TEST_CASE("who waits to add a name is told that nobody takes any more") {
  NameQueue names(1);
  REQUIRE(names.push({"a", ""}));
  bool added = true;
  std::thread reader([&] { added = names.push({"b", ""}); });
  names.stop();
  reader.join();
  CHECK_FALSE(added);
}

}  // namespace
}  // namespace cascadecl
