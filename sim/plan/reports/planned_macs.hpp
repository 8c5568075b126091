// The MACs that a plan does, from the loops of its nests alone.
#pragma once

#include "sim/plan/plan.hpp"

namespace spillway::sim {

using workloads::Macs;

/// Those done again are what an operation does beyond the step's own: activations and errors made
/// again, and maps where tiles overlap. (It may also do less: outputs that no pooling window takes
/// are left out.)
struct PlannedMacs {
  Macs macs;           ///< border-exact, the readout's left out
  Macs again;          ///< of these
  Macs macs_padded;    ///< taps on padding counted
  Macs readout;        ///< border-exact, of the readout alone
  Macs readout_again;  ///< of these
};

/// What the device will count when it runs the plan.
PlannedMacs planned_macs(const Plan& plan);

}  // namespace spillway::sim
