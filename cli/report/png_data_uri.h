#pragma once
#include <cstdint>
#include <span>
#include <string>

#include "data/dataset.h"

namespace cascadecl {

// An image uint8 [C][H][W] of a dataset as a PNG inside a "data:image/png;base64,..." address. Three channels are shown
// in colour, any other number as the first channel in gray. Throws ShapeError if the size is not that of dims.
std::string png_data_uri(const ImageDims& dims, const std::string& color_order, std::span<const std::uint8_t> pixels);

// RFC 4648, with padding.
std::string base64(std::span<const std::uint8_t> bytes);

}  // namespace cascadecl
