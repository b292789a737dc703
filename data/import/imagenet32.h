#pragma once
#include <filesystem>

#include "data/dataset_writer.h"

namespace cascadecl {

// Imports the published downsampled ImageNet of 32x32 pixels from `folder`: train_data_batch_1 to train_data_batch_10
// become the split train, val_data becomes test. Each is a pickle, read as data and never run (data/import/pickle.h),
// or, with the ending .npz, a zip of .npy files; of both the one without ending is taken. A batch holds 'data', uint8
// [N, 3072] with the planes red, green and blue, and 'labels', N whole numbers 1 to 1000, which become 0 to 999; 'mean'
// is not used. Class names are the words of the lines "SYNSET NUMBER NAME" of map_clsloc.txt if the folder holds it,
// else "1" to "1000". A few thousand images are in memory at a time.
// Throws FileError naming the file, what was expected and what was found, OutputError if `target` cannot be written.
void import_imagenet32(const std::filesystem::path& folder, const std::filesystem::path& target,
                       DatasetWriter::Settings settings = {});

}  // namespace cascadecl
