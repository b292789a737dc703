#include "data/hdf5_file.h"

#include <doctest/doctest.h>

#include "tests/data/temporary_folder.h"

using namespace cascadecl;

TEST_CASE("hdf5 files give back what was written") {
  const TemporaryFolder folder;
  const std::vector<float> weights = {1.5f, -2.f, 3.f, 4.f, 5.f, 6.f};
  Hdf5Writer writer(folder / "a.h5");
  writer.write_attribute("/", "name", "a name");
  writer.write_attribute("/", "labels", std::vector<std::string>{"cat", "", "Größe"});
  writer.write_attribute("/", "format_version", 1);
  writer.write_attribute("/", "rate", 0.25);
  writer.write_attribute("/", "mean", std::vector<float>{0.5f, 0.25f});
  writer.write("/weights/conv/weight", {2, 3}, weights);
  writer.commit();

  const Hdf5Reader reader(folder / "a.h5");
  CHECK(reader.string_attribute("/", "name") == "a name");
  CHECK(reader.string_list_attribute("/", "labels") == std::vector<std::string>{"cat", "", "Größe"});
  CHECK(reader.int_attribute("/", "format_version") == 1);
  CHECK(reader.float_attribute("/", "rate") == 0.25);
  CHECK(reader.float_list_attribute("/", "mean") == std::vector<float>{0.5f, 0.25f});
  CHECK(reader.read<float>("/weights/conv/weight", {2, any_size}) == weights);
  CHECK(reader.children("/") == std::vector<std::string>{"weights"});
}
