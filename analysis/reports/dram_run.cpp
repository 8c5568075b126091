#include "analysis/reports/dram_run.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <ctime>
#include <utility>
#include <vector>

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

/// Numbers that text and JSON share.
struct Figures : DramFigures {
  explicit Figures(const DramRun& run)
      : DramFigures(run.device, run.statistics),
        bursts_per_cpu_s(static_cast<double>(run.statistics.bursts()) /
                         std::max(run.cpu_seconds, 1e-9)) {}

  double bursts_per_cpu_s;
};

double microjoules(double pj) { return pj * 1e-6; }

Json energy_json(const Figures& figures) {
  if (!figures.energy) return nullptr;
  return {{"activate", microjoules(figures.energy->activate)},
          {"read", microjoules(figures.energy->read)},
          {"write", microjoules(figures.energy->write)},
          {"refresh", microjoules(figures.energy->refresh)},
          {"background", microjoules(figures.energy->background)},
          {"total", microjoules(figures.energy->total())}};
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
  const Figures figures(run);
  const dram::Statistics& counts = run.statistics;
  const auto line = [](const char* what, const std::string& value) {
    return fmt::format("  {:<22} {}\n", what, value);
  };
  const std::uint32_t ranks = run.device.geometry.ranks;
  std::string text = fmt::format(
      "{} ({}), {}{}, mapping {}, controller {}: {}\n\n", run.device.name, run.device.description,
      counted(run.device.channels, "channel"), ranks > 1 ? fmt::format(" of {} ranks", ranks) : "",
      run.device.mapping_name, scheduler_name(run.device.controller.scheduler), run.pattern);
  text += line("bursts", fmt::format("{} ({} read, {} written)", grouped(counts.bursts()),
                                     grouped(counts.reads), grouped(counts.writes)));
  text += line("cycles", grouped(counts.finish));
  text += line("time", fmt::format("{:.3f} us", figures.time_ns / 1000));
  text += line("bandwidth",
               fmt::format("{:.3f} GB/s, {:.2f} % of the peak of {:.3f} GB/s", figures.bandwidth,
                           figures.percent_of_peak, run.device.peak_bytes_per_ns()));
  text += line("average read latency", figures.read_latency_ns
                                           ? fmt::format("{:.2f} ns", *figures.read_latency_ns)
                                           : "nothing was read");
  text += line("row hits", grouped(counts.row_hits()));
  text += line("activates", grouped(counts.activates));
  text += line("precharges", grouped(counts.precharges));
  text += line("refreshes", grouped(counts.refreshes + counts.bank_refreshes));
  if (run.backwards.lines > 0) {
    text += line("cycles backwards",
                 fmt::format("in {}, served in their order", counted(run.backwards.lines, "line")));
  }
  text += line("simulated",
               fmt::format("{:.2f} M bursts per CPU second", figures.bursts_per_cpu_s / 1e6));
  return text + "\n" + dram_bus_text(counts) + "\n" + dram_energy_text(figures);
}

std::string dram_json(const DramRun& run) {
  const Figures figures(run);
  const dram::Statistics& counts = run.statistics;
  Json json;
  json["device"] = run.device.name;
  json["pattern"] = run.pattern;
  json["mapping"] = run.device.mapping_name;
  json["ranks"] = run.device.geometry.ranks;
  json["burst_bytes"] = run.device.geometry.burst_bytes;
  json["bursts"] = counts.bursts();
  json["cycles"] = counts.finish;
  json["time_ns"] = figures.time_ns;
  json["bandwidth_GBps"] = figures.bandwidth;
  json["pct_of_peak"] = figures.percent_of_peak;
  json["avg_read_latency_ns"] =
      figures.read_latency_ns ? Json(*figures.read_latency_ns) : Json(nullptr);
  json["row_hits"] = counts.row_hits();
  json["activates"] = counts.activates;
  json["precharges"] = counts.precharges;
  json["refreshes"] = counts.refreshes + counts.bank_refreshes;
  json["energy_uJ"] = energy_json(figures);
  json["bursts_per_cpu_s"] = figures.bursts_per_cpu_s;
  json["controller"] = scheduler_name(run.device.controller.scheduler);
  json["io_energy_uJ"] = microjoules(figures.io_pj);
  json["read_bursts"] = counts.reads;
  json["write_bursts"] = counts.writes;
  Json bus;
  for (const auto& [name, cycles] : dram_bus_use(counts)) bus[underscored(name)] = cycles;
  json["bus_cycles"] = bus;
  json["backwards_cycles"] = run.backwards.lines;
  return dump(json);
}

}  // namespace spillway::analysis
