// The DRAM model beside established simulators, on the same requests with the same parameters.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace spillway::analysis {

/// One run of another simulator: a line of analysis/reference/dram_reference.csv, or of
/// dram_ranks.csv.
struct ReferenceRun {
  std::string simulator, scheduler;
  std::string device, mapping, pattern;  ///< as `spillway dram` takes them
  std::uint64_t mib = 0;
  double time_ns = 0, bandwidth = 0;        ///< bandwidth in GB/s
  std::optional<double> activates, energy;  ///< energy in uJ
  std::uint32_t ranks = 1;
};

/// Throws InputError with file:line.
std::vector<ReferenceRun> read_reference_runs(const std::filesystem::path& path);
/// The shipped file.
std::filesystem::path reference_runs_file();

/// A difference in percent of the reference, and the largest that is accepted; none: for
/// information.
struct Deviation {
  double percent = 0;
  std::optional<double> bound;

  bool kept() const;
};

/// What our model makes of a reference run.
struct AccuracyRow {
  ReferenceRun reference;
  double time_ns = 0;
  Deviation time;
  std::optional<Deviation> activates, energy;
  /// The bandwidth is within the range of the simulators: asked where they differ most.
  std::optional<bool> in_range;

  bool kept() const;
};

/// The rule of what is judged:
///  * time by Ramulator with row hits first, or by the nearest of the others where Ramulator has no
///    such device: 2 % on streams, long copies and paced requests, 5 % on copies of 4 KiB and
///    strides, 7 % on random accesses; copies of 256 bytes within the range of all simulators;
///  * activates by the same run, or DRAMsim3's: 10 % on streams and copies but those of 256 bytes;
///  * energy by DRAMsim3's: 5 %, again but on copies of 256 bytes.
/// `progress` is told what runs.
std::vector<AccuracyRow> compare_with_reference(
    const std::vector<ReferenceRun>& runs,
    const std::function<void(const std::string&)>& progress = {});

/// The runs whose simulator has another controller than the file of the device, DRAMsim3's or
/// Ramulator's, beside the device with the controller that is modelled on it. Not judged: this
/// tells how much of a difference is the controller's.
std::vector<AccuracyRow> compare_alike(
    const std::vector<ReferenceRun>& runs,
    const std::function<void(const std::string&)>& progress = {});

bool all_kept(const std::vector<AccuracyRow>& rows);
std::string accuracy_text(const std::vector<AccuracyRow>& rows,
                          const std::vector<AccuracyRow>& alike);
std::string accuracy_json(const std::vector<AccuracyRow>& rows,
                          const std::vector<AccuracyRow>& alike);

}  // namespace spillway::analysis
