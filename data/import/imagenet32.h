#pragma once
#include <filesystem>

#include "data/dataset_writer.h"

namespace cascadecl {

// Imports the published downsampled ImageNet of 32x32 pixels from `folder`. train_data_batch_1 to train_data_batch_10
// become the split train, val_data becomes test. A few thousand images are in memory at a time. A batch is a pickle,
// read as data and never run (pickle.h), or a zip of .npy files with the ending .npz. If both are there, the one
// without ending is taken. It holds 'data', uint8 [N, 3072] with the planes red, green and blue, and 'labels', N whole
// numbers 1 to 1000, which become 0 to 999. 'mean' is not used. Class names are from the lines "SYNSET NUMBER NAME" of
// map_clsloc.txt if the folder holds it, else "1" to "1000". Throws FileError naming the file, what was expected and
// what was found; OutputError if `target` cannot be written.
void import_imagenet32(const std::filesystem::path& folder, const std::filesystem::path& target,
                       DatasetWriter::Settings settings = {});

}  // namespace cascadecl
