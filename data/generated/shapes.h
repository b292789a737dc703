#pragma once
#include <cstdint>
#include <string>
#include <vector>

namespace cascadecl {

// Plane geometry in integers, so that every machine draws the same.
// Lengths are in 1/4096 (`unit`), angles in 1/4096 of a turn.
constexpr int unit = 4096;
constexpr int turn = 4096;

int sine(int angle);  // times unit
inline int cosine(int angle) { return sine(angle + turn / 4); }

struct Point {
  std::int64_t x = 0, y = 0;
};
using Contour = std::vector<Point>;  // closed
using Shape = std::vector<Contour>;  // filled by the even-odd rule: a contour inside another one is a hole

// The classes of the generated dataset, in order: disc, hexagon, pentagon, square, triangle, five-pointed star,
// six-pointed star, cross, ring, open ring.
constexpr int shape_classes = 10;
std::vector<std::string> shape_names();

// The shape of a class (0 to shape_classes - 1) around the origin, within a circle of radius `unit`.
Shape make_shape(int shape_class);

// A rectangle around the origin.
Shape make_bar(int length, int width);

// Scaled by radius / unit, squeezed along y by squeeze / unit, turned by `angle`, then moved to `centre`.
Shape place(const Shape& shape, Point centre, int radius, int squeeze, int angle);

// How much of each pixel of a size x size image the shape covers, 0 to 255, row-major. The image spans 0 to 2 * unit
// in x and y.
std::vector<std::uint8_t> coverage(const Shape& shape, int size);

}  // namespace cascadecl
