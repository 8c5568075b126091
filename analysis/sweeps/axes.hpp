// The axes of a sweep's file: values as they are listed, and ranges.
#pragma once

#include <vector>

#include "analysis/sweeps/sweep_file.hpp"

namespace spillway::analysis {

/// One entry of `axes`: {key, values}, {key, range}, {name, values} of which each sets keys, or
/// {zip}; all with `when`. `earlier` are those before it, which its condition may name. Throws
/// InputError.
Dimension read_dimension(const workloads::Config& config, const std::vector<Dimension>& earlier);

/// The axes' names and values, for conditions.
std::vector<ConditionName> condition_names(const std::vector<Dimension>& dimensions);

/// A name that conditions, tables and figures can use. Throws InputError for another.
std::string read_name(const workloads::Config& config);

/// A value as one line of YAML that reads back as it was.
std::string flow_text(const workloads::Config& config);

}  // namespace spillway::analysis
