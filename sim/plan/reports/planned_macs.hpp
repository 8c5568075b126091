// The MACs that a plan does, from the loops of its nests alone.
#pragma once

#include "sim/plan/plan.hpp"

namespace spillway::sim {

using workloads::Macs;

/// Recomputed MACs are an operation's beyond the step's own: activations and errors made again, and
/// maps where tiles overlap. (An operation may also do fewer: outputs that no pooling window takes
/// are left out.)
struct PlannedMacs {
  Macs macs;                ///< border-exact, the readout's left out
  Macs recomputed;          ///< of these
  Macs macs_padded;         ///< taps on padding counted
  Macs readout;             ///< border-exact, of the readout alone
  Macs readout_recomputed;  ///< of these
};

/// The MACs that the device will count when it runs the plan.
PlannedMacs planned_macs(const Plan& plan);

}  // namespace spillway::sim
