// Commands about a DRAM device alone: dram, accuracy.
#include <fmt/format.h>

#include <charconv>
#include <iostream>

#include "analysis/commands/command.hpp"
#include "analysis/comparisons/dram_accuracy.hpp"
#include "analysis/formats/output.hpp"
#include "analysis/reports/dram_run.hpp"
#include "models/dram/device.hpp"
#include "workloads/support/error.hpp"
#include "workloads/support/file_use.hpp"
#include "workloads/support/nearest.hpp"

namespace spillway::analysis {

namespace {

namespace dram = models::dram;
using workloads::InputError;

constexpr std::int64_t most_mib = 1 << 20;

po::options_description dram_options() {
  static const std::string patterns = workloads::joined(dram::pattern_names());
  static const std::string formats =
      "of the trace: " + workloads::joined(dram::trace_format_names()) +
      "; recognised when not given";
  static const std::string controllers =
      "another controller than the device's: " + workloads::joined(dram::scheduler_names());
  po::options_description options = json_option();
  options.add_options()("pattern", po::value<std::string>()->value_name("NAME"), patterns.c_str())(
      "mib", po::value<std::string>()->value_name("N"),
      "MiB that the pattern moves; 16 when not given (64 for streams on ddr4-2400)")(
      "trace", po::value<std::string>()->value_name("FILE"),
      "requests of DRAMsim3, Ramulator 2 or DRAMSys, in the place of a pattern; - is standard "
      "input")("format", po::value<std::string>()->value_name("FORMAT"), formats.c_str())(
      "wrap", "addresses beyond the device begin at 0 again; otherwise they are refused")(
      "clock-mhz", po::value<std::string>()->value_name("F"),
      "clock that the cycles of the trace are of; the device's command clock when not given")(
      "mapping", po::value<std::string>()->value_name("M"),
      "another address mapping than the device's, e.g. RoBaCoBg: row, bank, column, bank group "
      "(and "
      "Ra, rank)")("set", po::value<Arguments>()->value_name("KEY=VALUE"),
                   "another value of the device's file, e.g. channels=2; may be repeated")(
      "controller", po::value<std::string>()->value_name("C"), controllers.c_str())(
      "file", po::value<Arguments>()->value_name("DEVICE"), "");
  return options;
}

/// An option that goes with another one alone.
void require_beside(const po::variables_map& values, const char* option, const char* other) {
  if (values.count(option) == 0 || values.count(other) != 0) return;
  throw InputError(fmt::format("--{0}: found without --{1}; allowed: beside --{1}", option, other));
}

dram::DramDevice device_of(const po::variables_map& values) {
  const Arguments names = values.count("file") != 0 ? values["file"].as<Arguments>() : Arguments{};
  if (names.size() != 1) {
    throw InputError(fmt::format("{} devices given; allowed: one YAML file, or one of {}",
                                 names.size(), workloads::joined(dram::dram_device_names())));
  }
  const Arguments set = values.count("set") != 0 ? values["set"].as<Arguments>() : Arguments{};
  std::vector<workloads::Assignment> overrides(set.begin(), set.end());
  if (values.count("mapping") != 0) {
    const auto mapping = values["mapping"].as<std::string>();
    overrides.emplace_back("mapping=" + mapping, "--mapping " + workloads::printable(mapping, 200));
  }
  dram::DramDevice device = dram::dram_device(names.front(), overrides);
  if (values.count("controller") == 0) return device;
  return dram::with_controller(std::move(device),
                               dram::parse_scheduler(values["controller"].as<std::string>()));
}

DramRun pattern_run(const dram::DramDevice& device, const po::variables_map& values,
                    const DramProgress& progress) {
  const auto pattern = values["pattern"].as<std::string>();
  workloads::Bytes size = usual_pattern_size(device, pattern);
  if (values.count("mib") != 0) {
    constexpr std::uint64_t mib = 1 << 20;
    size = workloads::Bytes(mib) *
           static_cast<std::uint64_t>(integer_option(values, "mib", 1, most_mib));
  }
  return run_dram_pattern(device, pattern, size, values.count("wrap") != 0, progress);
}

std::optional<double> clock_mhz(const po::variables_map& values) {
  if (values.count("clock-mhz") == 0) return std::nullopt;
  const auto text = values["clock-mhz"].as<std::string>();
  double value = 0;
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  if (error == std::errc() && stop == end && value >= 0.1 && value <= 1e5) return value;
  throw InputError(fmt::format("--clock-mhz: found \"{}\"; allowed: a number from 0.1 to 100000",
                               workloads::printable(text)));
}

DramRun trace_run(const dram::DramDevice& device, const po::variables_map& values,
                  const DramProgress& progress) {
  const std::filesystem::path trace = values["trace"].as<std::string>();
  DramTraceOptions options{.format = {}, .wrap = values.count("wrap") != 0, .clock_mhz = {}};
  if (values.count("format") != 0) {
    options.format =
        dram::trace_format(values["format"].as<std::string>(), dram::trace_format_names());
  }
  options.clock_mhz = clock_mhz(values);
  if (trace != "-") workloads::will_read(trace);
  return run_dram_trace(device, trace, options, progress);
}

/// Cycles that go backwards, which nothing can be done about.
void warn_of_backwards(const DramRun& run) {
  const auto& [lines, first_line, cycle, latest] = run.backwards;
  if (lines == 0) return;
  std::cerr << fmt::format(
      "spillway: warning: {}:{}: found cycle {} after {}; {} with a cycle that goes backwards, "
      "served after the lines before\n",
      run.pattern, first_line, cycle, latest, counted(lines, "line"));
}

int dram_command(const po::variables_map& values) {
  const std::string json = json_target(values);
  const bool has_trace = values.count("trace") != 0;
  if (has_trace == (values.count("pattern") != 0)) {
    throw InputError(fmt::format("dram: found {}; allowed: one of --pattern and --trace",
                                 has_trace ? "both" : "neither --pattern nor --trace"));
  }
  require_beside(values, "mib", "pattern");
  require_beside(values, "format", "trace");
  require_beside(values, "clock-mhz", "trace");
  const dram::DramDevice device = device_of(values);
  Progress progress;
  const DramProgress report = [&](std::uint64_t bursts) {
    progress.show(fmt::format("{}: {} M bursts", device.name, bursts >> 20));
  };
  const DramRun run =
      has_trace ? trace_run(device, values, report) : pattern_run(device, values, report);
  progress.show("");
  warn_of_backwards(run);
  give(json, dram_text(run), dram_json(run));
  return 0;
}

po::options_description accuracy_options() {
  po::options_description options = json_option();
  options.add_options()("file", po::value<Arguments>()->value_name("REFERENCE.csv"), "");
  return options;
}

int accuracy_command(const po::variables_map& values) {
  const std::string json = json_target(values);
  const Arguments paths = values.count("file") != 0 ? values["file"].as<Arguments>() : Arguments{};
  if (paths.size() > 1) {
    throw InputError(fmt::format(
        "{} files given; allowed: one CSV file, or none for the shipped one", paths.size()));
  }
  const std::filesystem::path file =
      paths.empty() ? reference_runs_file() : std::filesystem::path(paths.front());
  const std::vector<ReferenceRun> runs = read_reference_runs(file);
  Progress progress;
  const auto report = [&](const std::string& what) { progress.show(what); };
  const std::vector<AccuracyRow> rows = compare_with_reference(runs, report);
  const std::vector<AccuracyRow> alike = compare_alike(runs, report);
  progress.show("");
  give(json, accuracy_text(rows, alike), accuracy_json(rows, alike));
  return all_kept(rows) ? 0 : 1;
}

}  // namespace

std::vector<Command> dram_commands() {
  return {
      {"dram",
       "DEVICE --pattern NAME [--mib N] | --trace FILE [--format F] [--clock-mhz F] [--wrap] "
       "[--mapping M] [--controller C] [--set K=V]...",
       "a DRAM device alone: time, bandwidth, counts and energy of a pattern or a trace",
       dram_options, dram_command},
      {"accuracy", "[REFERENCE.csv]",
       "the DRAM model beside DRAMsim3, Ramulator 2.1 and DRAMSys, run by run", accuracy_options,
       accuracy_command},
  };
}

}  // namespace spillway::analysis
