#pragma once
#include <filesystem>
#include <string>
#include <vector>

#include "data/import/labelled_files.h"

namespace cascadecl {

// A record of a file of comma-separated values, with the number of the line that it begins in, from 1.
struct CsvRecord {
  int line = 0;
  std::vector<std::string> fields;
};

// Reads such a file whole (RFC 4180): fields in double quotes may hold commas, line ends and doubled quotes; lines end
// in LF or CRLF; empty lines do not count. Semicolons or tabs may separate the fields instead, if the first line has no
// comma outside of quotes. Throws FileError naming file and line for quotes that do not fit, and for files above 256
// MiB.
std::vector<CsvRecord> read_csv(const std::filesystem::path& file);

// Makes a dataset from image files that a CSV file lists with the names of their classes, and with their splits if it
// has a third column. Without one all become train. Columns are found by a header ("file", "filename", "path", "image"
// or "image_path"; "label", "class", "category" or "target"; "split", "set" or "subset"), whatever their order; others
// are ignored. Without a header they are the first three. Paths are relative to the CSV file. Classes are in the order
// of their names, of numbers if all are numbers. Images are in the order of the file. Throws FileError naming file,
// line and what was expected; and as import_labelled_files().
ImportedFiles import_csv(const std::filesystem::path& file, const std::filesystem::path& target,
                         const ImageFilesSettings& settings = {});

}  // namespace cascadecl
