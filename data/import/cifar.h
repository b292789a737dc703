#pragma once
#include <filesystem>
#include <string_view>

#include "data/dataset_writer.h"

namespace cascadecl {

// Which of CIFAR-100's two labels gives the classes.
enum class Cifar100Labels { fine, coarse };

// "fine" or "coarse"; throws UsageError otherwise.
Cifar100Labels parse_cifar100_labels(std::string_view text);

// Imports the published binary version of CIFAR-10 from `folder`. data_batch_1.bin to data_batch_5.bin become the split
// train, test_batch.bin becomes test. Class names are from batches.meta.txt. A record is 1 byte of label and 3072 bytes
// of pixels [3][32][32], RGB. Files may hold any number of whole records. Throws FileError naming the file, the record
// and what was expected; OutputError if `target` cannot be written.
void import_cifar10(const std::filesystem::path& folder, const std::filesystem::path& target,
                    DatasetWriter::Settings settings = {});

// The same for CIFAR-100: train.bin and test.bin, with records of coarse label, fine label and pixels. Class names are
// from fine_label_names.txt or coarse_label_names.txt.
void import_cifar100(const std::filesystem::path& folder, Cifar100Labels labels, const std::filesystem::path& target,
                     DatasetWriter::Settings settings = {});

}  // namespace cascadecl
