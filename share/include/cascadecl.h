#pragma once
// The whole public library. A program may include single headers of these instead, as "cascadecl/runtime/...": those
// named here, and what they include, are installed, and nothing else is.

// A model file that classifies image files, in three lines.
#include "runtime/classifier/classifier.h"

// Devices.
#include "runtime/opencl/device.h"
#include "runtime/opencl/device_info.h"
#include "runtime/opencl/serial_device.h"

// Models, and cascades that run them.
#include "runtime/cascade/chosen_cascade.h"
#include "runtime/cascade/executor.h"
#include "runtime/cascade/model_file.h"
#include "runtime/cascade/pipeline/stream.h"

// What they cost.
#include "runtime/energy/profile_energy.h"
#include "runtime/study/runs/cascade_profile.h"
#include "runtime/study/runs/evaluation.h"

// Datasets and images.
#include "data/dataset_file.h"
#include "data/dataset_writer.h"
#include "data/generated/generate.h"
#include "data/import/cifar.h"
#include "data/import/fetch_cifar.h"
#include "data/import/image_file.h"
#include "data/import/image_folder.h"
#include "data/import/imagenet32.h"
#include "data/import/network_image.h"

// Networks.
#include "runtime/network/description.h"
#include "runtime/network/parameters.h"
#include "runtime/network/stages.h"
#include "runtime/network/zoo.h"

// Training.
#include "trainer/train.h"
