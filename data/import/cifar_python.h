#pragma once
#include <filesystem>
#include <string>
#include <vector>

#include "data/dataset_writer.h"

namespace cascadecl {

// The version of CIFAR for Python: each file is a pickled dict.
struct PythonCifar {
  struct Names {
    std::filesystem::path file;
    std::string key;  // of the list of class names
  };
  std::string name;  // of the dataset
  Names names;
  std::string labels;  // key of the list of labels
  std::vector<std::filesystem::path> train;
  std::filesystem::path test;
};

// 'data' of the other files is uint8 [N, 3072], with the planes red, green and blue. Throws FileError naming the file,
// the key, what was expected and what was found; OutputError.
void import_python_cifar(const PythonCifar& cifar, const std::filesystem::path& target,
                         DatasetWriter::Settings settings);

}  // namespace cascadecl
