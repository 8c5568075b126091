#include "analysis/reports/dram_run.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <ctime>
#include <utility>
#include <vector>

#include "analysis/formats/columns.hpp"
#include "analysis/formats/json.hpp"
#include "analysis/formats/output.hpp"
#include "analysis/reports/dram_figures.hpp"
#include "models/dram/energy.hpp"
#include "workloads/support/error.hpp"

namespace spillway::analysis {

namespace dram = models::dram;
using workloads::Bytes;

namespace {

std::uint64_t capacity_of(const dram::DramDevice& device) {
  return workloads::checked_product(device.geometry.bytes(), device.channels);
}

/// A source that says how far it is.
template <class Source>
class Reported {
 public:
  Reported(Source& source, const DramProgress& progress) : source_(source), progress_(progress) {}

  bool next(dram::Request& request) {
    if ((++requests_ & 0xfffff) == 0 && progress_) progress_(requests_);
    return source_.next(request);
  }

 private:
  Source& source_;
  const DramProgress& progress_;
  std::uint64_t requests_ = 0;
};

template <class Source>
DramRun served(const dram::DramDevice& device, const std::string& name, Source& source,
               const DramProgress& progress) {
  DramRun run{.device = device, .pattern = name, .statistics = {}};
  dram::Memory memory(device);
  const double begin = cpu_seconds();
  memory.serve(Reported(source, progress));
  run.cpu_seconds = cpu_seconds() - begin;
  run.statistics = memory.statistics();
  return run;
}

double microjoules(double pj) { return pj * 1e-6; }

/// A run, and what its counters mean.
struct RunFigures : DramFigures {
  explicit RunFigures(const DramRun& of)
      : DramFigures(of.device, of.statistics),
        run(of),
        bursts_per_cpu_s(static_cast<double>(of.statistics.bursts()) /
                         std::max(of.cpu_seconds, 1e-9)) {}

  const dram::Statistics& counts() const { return run.statistics; }

  const DramRun& run;
  double bursts_per_cpu_s;
};

Json energy_json(const RunFigures& figures) {
  if (!figures.energy) return nullptr;
  Json json;
  for (const auto& [name, pj] : dram_energy(figures)) json[name] = microjoules(pj);
  return json;
}

Json bus_json(const RunFigures& figures) {
  Json json;
  for (const auto& [name, cycles] : dram_bus_use(figures.counts()))
    json[underscored(name)] = cycles;
  return json;
}

std::string bursts_text(const RunFigures& figures) {
  const dram::Statistics& counts = figures.counts();
  return fmt::format("{} ({} read, {} written)", grouped(counts.bursts()), grouped(counts.reads),
                     grouped(counts.writes));
}

std::string bandwidth_text(const RunFigures& figures) {
  return fmt::format("{:.3f} GB/s, {:.2f} % of the peak of {:.3f} GB/s", figures.bandwidth,
                     figures.percent_of_peak, figures.run.device.peak_bytes_per_ns());
}

/// In text, a line each.
Columns<RunFigures> run_columns(const DramRun& run) {
  using Row = RunFigures;
  return {
      {{"", "", "device"}, [](const Row& row) { return row.run.device.name; }},
      {{"", "", "pattern"}, [](const Row& row) { return row.run.pattern; }},
      {{"", "", "mapping"}, [](const Row& row) { return row.run.device.mapping_name; }},
      {{"", "", "ranks"}, [](const Row& row) { return row.run.device.geometry.ranks; }},
      {{"", "", "burst_bytes"}, [](const Row& row) { return row.run.device.geometry.burst_bytes; }},
      {{"bursts", "", "bursts"}, [](const Row& row) { return row.counts().bursts(); }, bursts_text},
      {{"cycles", "", "cycles"}, [](const Row& row) { return row.counts().finish; }},
      {{"time", "", "time_ns"},
       [](const Row& row) { return row.time_ns; },
       [](const Row& row) { return fmt::format("{:.3f} us", row.time_ns / 1000); }},
      {{"bandwidth", "", "bandwidth_GBps"},
       [](const Row& row) { return row.bandwidth; },
       bandwidth_text},
      {{"", "", "pct_of_peak"}, [](const Row& row) { return row.percent_of_peak; }},
      {.names = {"average read latency", "", "avg_read_latency_ns"},
       .value =
           [](const Row& row) {
             return row.read_latency_ns ? Json(*row.read_latency_ns) : Json(nullptr);
           },
       .in_text =
           [](const Row& row) {
             return row.read_latency_ns ? fmt::format("{:.2f} ns", *row.read_latency_ns)
                                        : "nothing was read";
           },
       .json_null = true},
      {{"row hits", "", "row_hits"}, [](const Row& row) { return row.counts().row_hits(); }},
      {{"activates", "", "activates"}, [](const Row& row) { return row.counts().activates; }},
      {{"precharges", "", "precharges"}, [](const Row& row) { return row.counts().precharges; }},
      {{"refreshes", "", "refreshes"},
       [](const Row& row) { return row.counts().refreshes + row.counts().bank_refreshes; }},
      {.names = {"", "", "energy_uJ"}, .value = energy_json, .json_null = true},
      {.names = {run.backwards.lines > 0 ? "cycles backwards" : "", "", "backwards_cycles"},
       .value = [](const Row& row) { return row.run.backwards.lines; },
       .in_text =
           [](const Row& row) {
             return fmt::format("in {}, served in their order",
                                counted(row.run.backwards.lines, "line"));
           },
       .json_last = true},
      {{"simulated", "", "bursts_per_cpu_s"},
       [](const Row& row) { return row.bursts_per_cpu_s; },
       [](const Row& row) {
         return fmt::format("{:.2f} M bursts per CPU second", row.bursts_per_cpu_s / 1e6);
       }},
      {{"", "", "controller"},
       [](const Row& row) { return scheduler_name(row.run.device.controller.scheduler); }},
      {{"", "", "io_energy_uJ"}, [](const Row& row) { return microjoules(row.io_pj); }},
      {{"", "", "read_bursts"}, [](const Row& row) { return row.counts().reads; }},
      {{"", "", "write_bursts"}, [](const Row& row) { return row.counts().writes; }},
      {{"", "", "bus_cycles"}, bus_json},
  };
}

}  // namespace

double cpu_seconds() {
  timespec now{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

double DramRun::time_ns() const {
  return static_cast<double>(statistics.finish) * device.timing.clock_period_ns();
}

std::optional<double> DramRun::energy_uj() const {
  const std::optional<dram::Energy> energy = dram::energy_of(device, statistics);
  if (!energy) return std::nullopt;
  return microjoules(energy->total());
}

Bytes usual_pattern_size(const dram::DramDevice& device, const std::string& pattern) {
  constexpr std::uint64_t mib = 1 << 20;
  for (const dram::PatternDefinition& definition : dram::pattern_definitions()) {
    const bool longer = definition.name == pattern && definition.stream &&
                        device.name == "ddr4-2400" && device.mapping_name == "RoBaCoBg";
    if (longer) return Bytes(64 * mib);
  }
  return Bytes(16 * mib);
}

DramRun run_dram_pattern(const dram::DramDevice& device, const std::string& pattern, Bytes size,
                         bool wrap, const DramProgress& progress) {
  dram::Pattern source(pattern, size, device.timing.burst, device.geometry.burst_bytes);
  const std::uint64_t capacity = capacity_of(device);
  if (source.end() > capacity && !wrap) {
    throw workloads::InputError(fmt::format(
        "pattern {}: found addresses up to {:#x}; allowed: below {:#x}, which {} holds, "
        "or any with --wrap",
        pattern, source.end() - 1, capacity, device.name));
  }
  return served(device, pattern, source, progress);
}

DramRun run_dram_trace(const dram::DramDevice& device, const std::filesystem::path& trace,
                       const DramTraceOptions& options, const DramProgress& progress) {
  dram::TraceOptions reading{.format = options.format,
                             .burst_bytes = device.geometry.burst_bytes,
                             .capacity = capacity_of(device),
                             .wrap = options.wrap,
                             .clocks = {}};
  if (options.clock_mhz) {
    const auto period = static_cast<std::uint64_t>(std::llround(1e9 / *options.clock_mhz));
    reading.clocks = {.trace = period, .channel = device.timing.clock_period_fs};
  }
  dram::TraceReader source(trace, reading);
  DramRun run =
      served(device, trace == "-" ? "standard input" : trace.filename().string(), source, progress);
  run.backwards = source.backwards();
  return run;
}

std::string dram_text(const DramRun& run) {
  const RunFigures figures(run);
  const std::uint32_t ranks = run.device.geometry.ranks;
  const std::string title = fmt::format(
      "{} ({}), {}{}, mapping {}, controller {}: {}\n\n", run.device.name, run.device.description,
      counted(run.device.channels, "channel"), ranks > 1 ? fmt::format(" of {} ranks", ranks) : "",
      run.device.mapping_name, scheduler_name(run.device.controller.scheduler), run.pattern);
  return title + text_lines(run_columns(run), figures, 22) + "\n" + dram_bus_text(run.statistics) +
         "\n" + dram_energy_text(figures);
}

std::string dram_json(const DramRun& run) {
  return dump(json_row(run_columns(run), RunFigures(run)));
}

}  // namespace spillway::analysis
