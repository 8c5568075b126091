// The search of spaces that are too large for a grid: NSGA-II (Deb et al. 2002) of the library
// pagmo, over the indices of the axes' values.
#pragma once

#include "analysis/sweeps/run_sweep.hpp"

namespace spillway::analysis {

/// The program was built with pagmo.
bool has_evolution();

/// As run_sweep, for `search: {method: nsga2}`. A generation at a time, its points side by side;
/// the same seed gives the same points. Points that are refused, fail or break a constraint count
/// as worse than all others. Throws InputError when built without pagmo.
SweepOutcome evolve(const Sweep& sweep, PointReader& reader, const SweepFolder& folder,
                    const SweepOptions& options);

}  // namespace spillway::analysis
