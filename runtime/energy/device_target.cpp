#include "runtime/energy/device_target.h"

#include <set>

#include "runtime/energy/nvml.h"

namespace cascadecl {
namespace {

// Extensions cl_khr_pci_bus_info and cl_nv_device_attribute_query; the numbers stand here because older headers lack
// them.
constexpr cl_device_info khr_pci_bus_info = 0x410F, nv_pci_bus_id = 0x4008, nv_pci_slot_id = 0x4009,
                         nv_pci_domain_id = 0x400A;

struct PciBusInfo {
  cl_uint domain, bus, device, function;
};

template <class T>
bool ask(const cl::Device& device, cl_device_info what, T& answer) {
  return clGetDeviceInfo(device(), what, sizeof answer, &answer, nullptr) == CL_SUCCESS;
}

std::string bus_id(const cl::Device& device) {
  PciBusInfo info{};
  if (ask(device, khr_pci_bus_info, info)) return pci_bus_id(info.domain, info.bus, info.device, info.function);
  cl_uint bus = 0, slot = 0;
  if (!ask(device, nv_pci_bus_id, bus) || !ask(device, nv_pci_slot_id, slot)) return "";
  cl_uint domain = 0;
  if (!ask(device, nv_pci_domain_id, domain)) domain = 0;  // older drivers do not tell it
  return pci_bus_id(domain, bus, slot >> 3, slot & 7);     // the slot holds device and function
}

}  // namespace

MeterTarget meter_target(const std::vector<DeviceInfo>& devices) {
  MeterTarget target{.cpu = false, .gpus = {}};
  std::set<int> seen;
  for (const DeviceInfo& device : devices) {
    if (!seen.insert(device.index).second) continue;
    if (device.device_class == DeviceClass::gpu) {
      target.gpus.push_back(bus_id(device.handle));
    } else {
      target.cpu = true;
      if (device.device_class == DeviceClass::igpu) target.integrated_gpus.push_back(bus_id(device.handle));
    }
  }
  return target;
}

MeterTarget meter_target(const std::vector<Device>& devices) {
  std::vector<DeviceInfo> infos;
  for (const Device& device : devices) infos.push_back(device.info());
  return meter_target(infos);
}

}  // namespace cascadecl
