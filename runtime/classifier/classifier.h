#pragma once
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "runtime/cascade/model.h"
#include "runtime/cascade/policies/policy_choice.h"
#include "runtime/ops/precision.h"
#include "runtime/study/runs/unit_goal.h"
#include "runtime/warning.h"

namespace cascadecl {

// What a cascade says of one image.
struct Classification {
  int label = 0;                     // 0..classes - 1
  std::string name;                  // of the label; its number where the model's labels have no names
  float probability = 0;             // of the label
  std::vector<float> probabilities;  // [classes], sums to 1
  int exit_stage = 0;                // the stage that the image left at, 0..stages - 1
  double mmac = 0;                   // what it cost: million multiply-adds of all stages and policies that ran
};

// Goals that the models' frontiers know, for ClassifierSettings::target.
UnitGoal target_mac(double share);    // as accurate as possible at this share of the largest stage's multiply-adds
UnitGoal target_ms(double ms);        // the same within so many milliseconds an image, measured on the device
UnitGoal target_mj(double mj);        // the same within so many millijoules an image
UnitGoal target_drop(double points);  // as cheap as possible, so many points (of 100) below the best stage at most

struct ClassifierSettings {
  std::string device = "auto";  // SPEC, see select_device(); or a comma list of them, one for each stage
  // When images stop. Neither: as the model's own decision says. Not both.
  std::optional<UnitGoal> target = {};      // at this point of the model's frontier
  std::optional<PolicyChoice> policy = {};  // by this policy, see parse_policy_choice()
  int batch_size = 128;                     // images that a stage runs at once, at most
  Precision precision = Precision::fp32;    // of activations on the device
  WarningHandler warning = {};              // told of what the user should know; none: nobody
};

// A model file that answers for images: `Classifier("cascade.h5").classify_file("photo.jpg")`. It says the same as
// `cascadecl predict`. For one thread at a time; CascadeExecutor and CascadeStream are the levels below.
//
// A single image runs on the processor's serial device where that is faster and to be seen, see show_serial_device().
class Classifier {
 public:
  // Reads the model and opens the devices. Throws FileError if the file is damaged or no model, UsageError for settings
  // that do not fit the model, DeviceNotFoundError, Error if the frontier has no point for the target, and
  // MeasurementError if energy is to be measured and cannot be.
  explicit Classifier(const std::filesystem::path& model, const ClassifierSettings& settings = {});
  explicit Classifier(Model model, const ClassifierSettings& settings = {});
  Classifier(Classifier&&) noexcept;
  Classifier& operator=(Classifier&&) noexcept;
  ~Classifier();

  // An image file of any size, brought to the model's by read_network_image(). Throws FileError naming the file.
  Classification classify_file(const std::filesystem::path& file);
  // The bytes of an image file. `name` stands for it in errors.
  Classification classify_encoded(std::span<const std::uint8_t> bytes, const std::string& name = "image");
  // Several files at once, which is faster. Reads all before the first one runs.
  std::vector<Classification> classify_files(std::span<const std::filesystem::path> files);
  // Images as the model takes them, uint8 [N][C][H][W], see model().input. Throws ShapeError if the size is no whole
  // number of images.
  std::vector<Classification> classify(std::span<const std::uint8_t> images);

  const Model& model() const;          // as it runs
  const std::string& policy() const;   // which decides, "learned:0.5"
  const std::string& devices() const;  // their names, each once

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace cascadecl
