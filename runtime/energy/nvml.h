#pragma once
#include <string>
#include <vector>

#include "runtime/energy/meter.h"

namespace cascadecl {

// "0000:65:00.0", as NVML and Linux write it. The numbers are those of cl_khr_pci_bus_info.
std::string pci_bus_id(unsigned domain, unsigned bus, unsigned device, unsigned function);

// Opens one counted meter per GPU of bus_ids (each once; an empty list loads nothing), through the NVIDIA management
// library, loaded at run time from environment.nvml_library and kept loaded while a meter lives.
// Reads the card's energy counter; where the card or an old library has none, integrates its power between the reads
// (trapezoids), which then have to be frequent. Each GPU without a meter is one entry appended to attempts.
MeterList open_nvml(const MeterEnvironment& environment, const std::vector<std::string>& bus_ids,
                    std::vector<MeterAttempt>& attempts);

}  // namespace cascadecl
