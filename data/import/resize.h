#pragma once
#include "data/import/image_file.h"

namespace cascadecl {

// The image at another size, with the same channels. The middle of the image that has the proportions of height x width
// is kept, as large as it fits. An axis that shrinks is averaged over the area of the new pixels. One that grows is
// interpolated linearly between the centres of pixels. An image of that size already comes back unchanged. Throws
// ShapeError if a side is not positive.
Image resize_image(const Image& image, int height, int width);

}  // namespace cascadecl
