#include "runtime/energy/count_once.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <string>

namespace cascadecl {
namespace {

constexpr const char* cpu_is_idle = "the CPU is not among the devices that run the work";

class Counting {
 public:
  Counting(MeterList& meters, const MeterTarget& target) : meters_(meters), target_(target) {}

  bool decide() {
    leave_out([](const EnergyDomain& d) { return d.kind == DomainKind::part; }, "inside a package");
    leave_out([](const EnergyDomain& d) { return d.kind == DomainKind::platform; }, "contains the packages");
    leave_out([](const EnergyDomain& d) { return d.kind == DomainKind::rail; }, "a supply line of unknown extent");
    leave_out_dies();
    const bool covered = count_cpu() && gpus_metered();
    const bool machine = has(DomainKind::machine);
    if (covered)
      leave_out([](const EnergyDomain& d) { return d.kind == DomainKind::machine; }, "contains the devices");
    else if (machine)
      leave_out([](const EnergyDomain& d) { return d.kind != DomainKind::machine; }, "inside what feeds the machine");
    return (covered || machine) && (target_.cpu || !target_.gpus.empty());
  }

 private:
  template <class Matches>
  void leave_out(const Matches& matches, const std::string& why) {
    for (auto& meter : meters_)
      for (std::size_t i = 0; i < meter->domains().size(); ++i)
        if (const EnergyDomain& domain = meter->domains()[i]; domain.counted && matches(domain))
          meter->leave_out(i, why);
  }

  template <class Matches>
  bool any(const Matches& matches) const {
    return std::any_of(meters_.begin(), meters_.end(), [&](const auto& meter) {
      return std::any_of(meter->domains().begin(), meter->domains().end(),
                         [&](const EnergyDomain& d) { return d.counted && matches(d); });
    });
  }
  bool has(DomainKind kind) const {
    return any([&](const EnergyDomain& d) { return d.kind == kind; });
  }

  // "package-0-die-1" beside "package-0".
  void leave_out_dies() {
    std::set<std::string> names;
    for (const auto& meter : meters_)
      for (const EnergyDomain& domain : meter->domains()) names.insert(domain.name);
    leave_out(
        [&](const EnergyDomain& d) {
          const auto die = d.name.find("-die-");
          return d.kind == DomainKind::package && die != std::string::npos && names.contains(d.name.substr(0, die));
        },
        "inside a package");
  }

  // Whether the CPU is metered, or need not be.
  bool count_cpu() {
    const auto beside_gpus = [](const EnergyDomain& d) {
      return d.kind == DomainKind::package || d.kind == DomainKind::memory || d.kind == DomainKind::soc;
    };
    if (!target_.cpu) {
      leave_out(beside_gpus, cpu_is_idle);
      return true;
    }
    if (!has(DomainKind::package)) return has(DomainKind::soc);
    leave_out([](const EnergyDomain& d) { return d.kind == DomainKind::soc; }, "contains the package, or lies in it");
    return true;
  }

  bool gpus_metered() const {
    return std::all_of(target_.gpus.begin(), target_.gpus.end(), [&](const std::string& gpu) {
      return any([&](const EnergyDomain& d) { return d.kind == DomainKind::gpu && d.path == gpu; });
    });
  }

  MeterList& meters_;
  const MeterTarget& target_;
};

}  // namespace

bool count_once(MeterList& meters, const MeterTarget& target) { return Counting(meters, target).decide(); }

}  // namespace cascadecl
