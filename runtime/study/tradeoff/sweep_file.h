#pragma once
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace cascadecl {

inline constexpr int sweep_format_version = 1;

// One stage alone on all images.
struct SweepStage {
  std::string network;
  double mmac = 0;  // for one image
  double top1 = 0;
  std::optional<double> top5, ece, temperature, ms_per_image, mj_per_image;
};

// One run of the cascade over all images.
struct SweepPoint {
  std::string policy;  // learned, static, confidence, entropy, margin, agreement, ann, random or oracle
  std::optional<double> parameter, alpha;
  std::optional<std::uint64_t> seed;
  std::string joint_loss = {};  // what the stages learned from together (trainer/settings.h); empty: they stayed frozen
  std::string combine = {};     // "fitted", "reweight" or "last"; may be empty
  double top1 = 0;
  double mmac_per_image = 0, mac_fraction = 0;  // fraction of the largest stage alone
  std::optional<double> top5, ms_per_image, mj_per_image;
  std::vector<std::int64_t> stopped;  // by stage; may be empty
};

// Many policies on the same stages and images: what `cascadecl sweep` writes (share/doc/report.md).
struct Sweep {
  std::string created_by, command, model, data, device;  // may be empty
  std::int64_t images = 0;
  std::vector<SweepStage> stages;
  std::vector<SweepPoint> points;
  std::string energy_reason;  // why mj_per_image is not known, where it is not

  // What an interrupted sweep goes on from.
  std::string settings = "{}";  // all that the points depend on, a JSON object
  std::int64_t tasks_done = 0;  // pieces of work whose points are there
  double seconds = 0;           // that they took

  std::size_t largest_stage() const;  // by MACs
};

// The text of a sweep file.
std::string to_json(const Sweep& sweep);

// Reads the file of a finished sweep: at least one stage and one point, and nothing of what a sweep goes on from.
// Unknown fields are ignored. Throws FileError naming file, field and what was expected.
Sweep read_sweep(const std::filesystem::path& path);

// The same from text; `name` stands for the file in errors.
Sweep parse_sweep(const std::string& text, const std::string& name);

// Reads what a sweep goes on from, too. It may not have come to its first stage or point yet.
Sweep parse_begun_sweep(const std::string& text, const std::string& name);

}  // namespace cascadecl
