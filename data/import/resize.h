#pragma once
#include "data/import/image_file.h"

namespace cascadecl {

// The image at another size, of the same channels. The middle of it that has the proportions of height x width is kept,
// as large as it fits; each axis is then averaged over the area of the new pixels where it shrinks, and interpolated
// linearly between the centres of pixels where it grows. The size that an image already has returns it unchanged.
// Throws ShapeError if a side is not positive.
Image resize_image(const Image& image, int height, int width);

}  // namespace cascadecl
