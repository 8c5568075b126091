// The folder of a sweep's results: a file for each point, named by what determines it. Files appear
// whole or not at all; several processes and machines may fill one folder.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "analysis/formats/json.hpp"
#include "analysis/sweeps/points.hpp"

namespace spillway::analysis {

/// One line of the folder's list of points.
struct ListedPoint {
  std::string hash;
  Choice choice;
  std::string schedule{};  ///< as PointInputs::schedule, where the point's inputs were read
};

/// Why a point has no result.
struct PointFailure {
  bool refused = false;  ///< by its experiment, so that it would be again
  std::string reason;    ///< in a line
  std::string command;   ///< to try it by itself
};

class SweepFolder {
 public:
  explicit SweepFolder(std::filesystem::path path) : path_(std::move(path)) {}

  const std::filesystem::path& path() const { return path_; }
  std::filesystem::path sweep_file() const { return path_ / "sweep.yaml"; }

  /// Makes it where it is missing, and removes what processes that died have left half written.
  /// Throws InputError when it takes no files.
  void prepare() const;
  /// What `prepare` would say, without leaving a trace.
  void require_usable() const;

  /// The sweep's file and the list of its points, for those who read the results.
  void write_list(const Sweep& sweep, const std::vector<ListedPoint>& points) const;
  /// Line by line. Throws InputError where there is no list, or it is another sweep's.
  void for_each_listed(const std::function<void(const ListedPoint&)>& take) const;

  bool has_result(const std::string& hash) const;
  /// `result` is what the point's command writes as JSON, kept as it is.
  void write_result(const std::string& hash, const std::string& command, const Json& settings,
                    const std::string& result) const;
  /// The whole file; nothing where there is none.
  std::optional<Json> read_result(const std::string& hash) const;

  void write_failure(const std::string& hash, const PointFailure& failure) const;
  std::optional<PointFailure> read_failure(const std::string& hash) const;
  void forget_failure(const std::string& hash) const;

 private:
  std::filesystem::path result_file(const std::string& hash) const;
  std::filesystem::path failure_file(const std::string& hash) const;
  void put(const std::filesystem::path& target, std::string_view content) const;

  std::filesystem::path path_;
};

}  // namespace spillway::analysis
