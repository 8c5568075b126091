// What is measured of every point of a sweep: numbers out of the JSON that its command writes.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "analysis/formats/json.hpp"
#include "workloads/support/config.hpp"
#include "workloads/support/names.hpp"

namespace spillway::analysis {

/// What is done at a point.
enum class PointCommand { plan, count, run, train };
inline constexpr workloads::Names<PointCommand, 4> point_command_names{{
    {PointCommand::plan, "plan"},
    {PointCommand::count, "run --no-values"},
    {PointCommand::run, "run"},
    {PointCommand::train, "train"},
}};

struct Metric {
  std::string name;
  std::vector<std::string> keys;   ///< of the result, "dram.read_words": what is added up
  std::vector<std::string> times;  ///< multiplied by each of these
  double scale = 1;
  std::string unit;  ///< "" for a metric of the file's own
};

/// A name of those below, or a map {name, key, scale}, whose key may be a list of keys to add up.
/// Throws InputError for a name that is none, or that the command does not give.
Metric read_metric(const workloads::Config& config, PointCommand command);

/// The names that a command gives, in the order of the documents.
std::vector<std::string> metric_names(PointCommand command);

/// Nothing where the result has no such key, or null there.
std::optional<double> value_of(const Metric& metric, const Json& result);

}  // namespace spillway::analysis
