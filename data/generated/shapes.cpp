#include "data/generated/shapes.h"

#include <algorithm>

namespace cascadecl {
namespace {

constexpr int rows_per_pixel = 4;        // scan lines; along x coverage is exact
constexpr std::int64_t pixel = 1 << 10;  // steps of x within a pixel
constexpr int circle_corners = 32;

// sin of 0 to a quarter turn by its Taylor series up to x^9, in steps of 2^-30.
std::int64_t quarter_sine(int angle) {
  constexpr std::int64_t one = std::int64_t{1} << 30;
  constexpr std::int64_t two_pi = 6'746'518'852;  // times one
  const std::int64_t x = two_pi / turn * angle + two_pi % turn * angle / turn;
  const std::int64_t square = (x >> 15) * (x >> 15);
  std::int64_t sum = one;
  for (const int n : {8, 6, 4, 2}) sum = one - (square >> 15) * (sum >> 15) / (n * (n + 1));
  return (x >> 15) * (sum >> 15);
}

Point polar(int radius, int angle) {
  return {static_cast<std::int64_t>(radius) * cosine(angle) / unit,
          static_cast<std::int64_t>(radius) * sine(angle) / unit};
}

// Regular polygon with a corner at the top (y points down).
Contour polygon(int corners, int radius) {
  Contour contour;
  for (int i = 0; i < corners; ++i) contour.push_back(polar(radius, turn * i / corners - turn / 4));
  return contour;
}

Contour star(int tips, int inner_radius) {
  Contour contour;
  for (int i = 0; i < 2 * tips; ++i)
    contour.push_back(polar(i % 2 == 0 ? unit : inner_radius, turn * i / (2 * tips) - turn / 4));
  return contour;
}

Contour square(int half_side) {
  return {{-half_side, -half_side}, {half_side, -half_side}, {half_side, half_side}, {-half_side, half_side}};
}

Contour cross(int reach, int half_width) {
  const int r = reach, w = half_width;
  return {{-w, -r}, {w, -r}, {w, -w}, {r, -w}, {r, w}, {w, w}, {w, r}, {-w, r}, {-w, w}, {-r, w}, {-r, -w}, {-w, -w}};
}

// A ring that misses `gap` around the top.
Contour open_ring(int outer, int inner, int gap) {
  Contour contour;
  const int start = -turn / 4 + gap / 2, sweep = turn - gap;
  for (int i = 0; i <= circle_corners; ++i) contour.push_back(polar(outer, start + sweep * i / circle_corners));
  for (int i = circle_corners; i >= 0; --i) contour.push_back(polar(inner, start + sweep * i / circle_corners));
  return contour;
}

// Adds the stretch from x0 to x1 (in 1/pixel) of one scan line.
void add_span(std::vector<std::int64_t>& line, std::int64_t x0, std::int64_t x1) {
  const auto end = static_cast<std::int64_t>(line.size()) * pixel;
  x0 = std::clamp<std::int64_t>(x0, 0, end);
  x1 = std::clamp<std::int64_t>(x1, 0, end);
  for (std::int64_t column = x0 / pixel; column * pixel < x1; ++column)
    line[static_cast<std::size_t>(column)] += std::min(x1, (column + 1) * pixel) - std::max(x0, column * pixel);
}

// Where the contours cross the scan line at y, ascending.
std::vector<std::int64_t> crossings(const Shape& shape, std::int64_t y) {
  std::vector<std::int64_t> xs;
  for (const Contour& contour : shape)
    for (std::size_t i = 0; i < contour.size(); ++i) {
      const Point a = contour[i], b = contour[(i + 1) % contour.size()];
      if ((a.y <= y) != (b.y <= y)) xs.push_back(a.x + (b.x - a.x) * (y - a.y) / (b.y - a.y));
    }
  std::sort(xs.begin(), xs.end());
  return xs;
}

}  // namespace

int sine(int angle) {
  angle = (angle % turn + turn) % turn;
  const int quarter = turn / 4, within = angle % quarter;
  const std::int64_t value = angle / quarter % 2 == 0 ? quarter_sine(within) : quarter_sine(quarter - within);
  const auto rounded = static_cast<int>((value + (1 << 17)) >> 18);  // 2^30 to 2^12
  return angle < turn / 2 ? rounded : -rounded;
}

std::vector<std::string> shape_names() {
  return {"disc",  "hexagon", "pentagon", "square", "triangle", "five-pointed star", "six-pointed star",
          "cross", "ring",    "open ring"};
}

// Sizes are chosen so that the areas are alike: a network has to look at the outline.
Shape make_shape(int shape_class) {
  switch (shape_class) {
    case 0:
      return {polygon(circle_corners, unit * 84 / 100)};
    case 1:
      return {polygon(6, unit * 92 / 100)};
    case 2:
      return {polygon(5, unit * 97 / 100)};
    case 3:
      return {square(unit * 70 / 100)};
    case 4:
      return {polygon(3, unit)};
    case 5:
      return {star(5, unit * 50 / 100)};
    case 6:
      return {star(6, unit * 54 / 100)};
    case 7:
      return {cross(unit * 92 / 100, unit * 32 / 100)};
    case 8:
      return {polygon(circle_corners, unit * 95 / 100), polygon(circle_corners, unit * 50 / 100)};
    default:
      return {open_ring(unit * 95 / 100, unit * 50 / 100, turn / 8)};
  }
}

Shape make_bar(int length, int width) {
  const int x = length / 2, y = width / 2;
  return {{{-x, -y}, {x, -y}, {x, y}, {-x, y}}};
}

Shape place(const Shape& shape, Point centre, int radius, int squeeze, int angle) {
  const std::int64_t c = cosine(angle), s = sine(angle);
  Shape placed = shape;
  for (Contour& contour : placed)
    for (Point& point : contour) {
      const std::int64_t x = point.x * radius / unit;
      const std::int64_t y = point.y * radius / unit * squeeze / unit;
      point = {centre.x + (c * x - s * y) / unit, centre.y + (s * x + c * y) / unit};
    }
  return placed;
}

std::vector<std::uint8_t> coverage(const Shape& shape, int size) {
  Shape scaled = shape;  // to 1/pixel
  for (Contour& contour : scaled)
    for (Point& point : contour) {
      point.x = point.x * size * pixel / (2 * unit);
      point.y = point.y * size * pixel / (2 * unit);
    }
  std::vector<std::uint8_t> covered;
  covered.reserve(static_cast<std::size_t>(size) * static_cast<std::size_t>(size));
  for (int row = 0; row < size; ++row) {
    std::vector<std::int64_t> line(static_cast<std::size_t>(size), 0);
    for (int i = 0; i < rows_per_pixel; ++i) {
      const std::vector<std::int64_t> xs = crossings(scaled, row * pixel + (2 * i + 1) * pixel / (2 * rows_per_pixel));
      for (std::size_t k = 0; k + 1 < xs.size(); k += 2) add_span(line, xs[k], xs[k + 1]);
    }
    for (const std::int64_t sum : line)
      covered.push_back(static_cast<std::uint8_t>(sum * 255 / (rows_per_pixel * pixel)));
  }
  return covered;
}

}  // namespace cascadecl
