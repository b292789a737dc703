#pragma once
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "data/generated/generate.h"
#include "tests/support/training.h"
#include "trainer/checkpoint.h"
#include "trainer/train.h"

// A training of all phases that takes a second or so, and what tests say of it.
namespace cascadecl::testing {

// 80 images, 60 of them to fit: 4 batches an epoch, the last one with 12 images.
const MemoryDataset& images();

TrainSettings short_training();

TrainResult run(const TrainSettings& settings, TrainObserver& observer, const std::filesystem::path& checkpoint = {},
                bool resume = false, const std::optional<Model>& initial = {});

// Devices of the same kind for two threads: handles on one device, each with a queue of its own.
std::vector<Device> two_devices();

bool same(const Policy& a, const Policy& b);
// Fails the test unless stages, policies and what was fitted to them have the same bits.
void check_same(const Model& a, const Model& b);

// The history without times: what two trainings that are the same agree on.
std::vector<std::string> milestones(const Model& model);

// "pretrain 1 mid-epoch" for a checkpoint of short_training() in the middle of an epoch of stage 1.
std::string place_of(const TrainState& state);

}  // namespace cascadecl::testing
