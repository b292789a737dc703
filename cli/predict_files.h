#pragma once
#include <string>
#include <vector>

#include "cli/cascade_flags.h"
#include "cli/options.h"

namespace cascadecl {

// What predict is asked for image files. An empty path is no file to write.
struct FilePrediction {
  std::vector<std::string> paths;  // files, folders, and "-" for an image on standard input
  std::string output, csv;
  int top = 1;  // classes told of each image
};

// Prints the answers to the images of these files, and writes the files asked for, with those that can be read. Each
// that cannot is told on stderr. Throws FileError for these at the end, or where there is no other.
void predict_files(ChosenCascade& cascade, const FilePrediction& asked, const CascadeFlags& flags,
                   const Options& options);

}  // namespace cascadecl
