#pragma once
#include <string>
#include <vector>

#include "runtime/energy/meter.h"

namespace cascadecl {

// "0000:65:00.0", as NVML and Linux write it. The numbers are those of cl_khr_pci_bus_info.
std::string pci_bus_id(unsigned domain, unsigned bus, unsigned device, unsigned function);

// Opens one counted meter for each GPU of bus_ids; a GPU listed twice counts once, and an empty list loads nothing. It
// uses the NVIDIA management library environment.nvml_library, which is loaded at run time and kept while a meter
// lives. A meter reads the card's energy counter. Where the card or an old library has none, it integrates the card's
// power by trapezoids between the reads, which must then be frequent. Each GPU without a meter is one entry appended to
// attempts.
MeterList open_nvml(const MeterEnvironment& environment, const std::vector<std::string>& bus_ids,
                    std::vector<MeterAttempt>& attempts);

}  // namespace cascadecl
