// Each result in words.
#include <fmt/format.h>

#include "analysis/pages/html.hpp"
#include "analysis/pages/sections.hpp"

namespace spillway::analysis::pages {

namespace {

std::string plain(const RunView& run, const std::string& pointer) {
  return "<b>" + value(run, pointer) + "</b>";
}

std::string what_it_is(const RunView& run) {
  std::string text =
      fmt::format("{}: one mini-batch of {} of {} with rule {}, on device {}",
                  plain(run, "/experiment"), value(run, "/batch"), value(run, "/network"),
                  value(run, "/rule"), value(run, "/device/name"));
  const std::string policy = run.text_at("/policy");
  text += ", policy " + value(run, "/policy");
  if (policy.starts_with("best")) {
    text += " minimising " + value(run, "/objective");
  } else if (!policy.empty()) {
    text += ", which ignores objectives";
  }
  return text + ".";
}

std::string costs_of(const RunView& run) {
  const std::string at = run.costs();
  return fmt::format(
      "{} {} ms, {} words across the chip's border, {} bytes on the DRAM bus, {} mJ in DRAM chips "
      "and interface{}.",
      run.is_plan() ? "Estimated:" : "It took", plain(run, at + "/time_ms"),
      plain(run, at + "/words"), plain(run, at + "/bus_bytes"), plain(run, at + "/energy_mj"),
      run.has("/energy/total_pJ")
          ? ", " + value(run, "/energy/total_pJ", 1e-9) + " mJ in the whole device"
          : "");
}

std::string bound_of_step(const RunView& run) {
  const std::string bound = run.text_at("/bound");
  if (bound.empty()) return "";
  if (bound == "latency") {
    return " Nothing was busy most of the time: it is bound by " + plain(run, "/bound") + ".";
  }
  return " It is bound by the " + plain(run, "/bound") + ", busy most of the time.";
}

std::string estimate_of(const RunView& run) {
  const auto estimated = run.number_at("/estimated/time_ms");
  const auto simulated = run.number_at("/simulated/time_ms");
  if (run.is_plan()) return " A plan: nothing was simulated.";
  if (!estimated || !simulated || *simulated == 0) return "";
  std::string text =
      fmt::format(" The plan had estimated {} ms ({})", value(run, "/estimated/time_ms"),
                  *estimated == *simulated ? "the same" : change(*simulated, *estimated));
  const Json* agrees = run.find("/planned_agrees");
  if (agrees == nullptr) return text + ".";
  return text + (*agrees == true ? "; each of its counts is the simulated one."
                                 : "; some of its counts are not the simulated ones.");
}

}  // namespace

std::string summary_section(const Runs& runs) {
  std::string text;
  for (const RunView& run : runs) {
    const std::string name = runs.size() == 1 ? run.name() : run.letter() + " · " + run.name();
    text += fmt::format("<h3>{}</h3>\n<p>{} {}{}{}</p>\n", escaped(name), what_it_is(run),
                        costs_of(run), bound_of_step(run), estimate_of(run));
  }
  return text;
}

}  // namespace spillway::analysis::pages
