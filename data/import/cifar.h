#pragma once
#include <filesystem>
#include <string_view>

#include "data/dataset_writer.h"

namespace cascadecl {

// Which of CIFAR-100's two labels gives the classes.
enum class Cifar100Labels { fine, coarse };

// "fine" or "coarse"; throws UsageError otherwise.
Cifar100Labels parse_cifar100_labels(std::string_view text);

// Imports CIFAR-10 from `source`: a folder with the published files, or their archive (.tar.gz), of the binary version
// or of the one for Python. data_batch_1 to data_batch_5 become the split train, test_batch becomes test. Class names
// are from batches.meta.txt or batches.meta. In the binary version a record is 1 byte of label and 3072 bytes of pixels
// [3][32][32], RGB, and files may hold any number of whole records. The other version is pickles, read as data and
// never run (pickle.h). Throws FileError naming the file, the record and what was expected; OutputError if `target`
// cannot be written.
void import_cifar10(const std::filesystem::path& source, const std::filesystem::path& target,
                    DatasetWriter::Settings settings = {});

// The same for CIFAR-100: train and test. Binary records have coarse label, fine label and pixels. Class names are from
// fine_label_names.txt or coarse_label_names.txt, or from meta.
void import_cifar100(const std::filesystem::path& source, Cifar100Labels labels, const std::filesystem::path& target,
                     DatasetWriter::Settings settings = {});

}  // namespace cascadecl
