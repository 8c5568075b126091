#include "analysis/reports/schedule_report.hpp"
#include "sim/plan/mapping/nest_shape.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "analysis/formats/output.hpp"

namespace spillway::analysis {

namespace {

struct NestRow {
  std::vector<std::string> operations, loops, kept;
  std::uint64_t words = 0, once = 0;
};

std::vector<std::string> loops_of(const sim::Nest& nest) {
  std::vector<std::string> loops;
  sim::NestShape shape(nest.spec);
  shape.set(nest.loops, nest.parts);
  for (std::size_t i = 0; i < nest.loops.size(); ++i) {
    if (shape.trips(i) == 1) continue;
    loops.push_back(fmt::format("{} by {}", to_string(nest.loops[i].axis), nest.loops[i].tile));
  }
  return loops;
}

/// A tensor that stays, and how much of it where it is not all.
std::string name_of(const sim::Residency& residency, const workloads::Step& step) {
  const workloads::Tensor& tensor = step.tensor(residency.tensor);
  if (is_whole(residency, step)) return tensor.name;
  return fmt::format("{} (first {} of {})", tensor.name, residency.count, tensor.shape[0]);
}

NestRow row_of(const sim::Plan& plan, std::size_t n) {
  const workloads::Step& step = plan.step();
  const sim::Schedule& schedule = plan.schedule();
  const sim::Nest& nest = schedule.nests[n];
  NestRow row;
  for (const sim::NestOp& part : nest.spec.ops) {
    const workloads::Op& op = step.ops[part.op];
    std::string name = workloads::kernel_name(part.kernel ? *part.kernel : op.kernel);
    const std::string& layer = step.layer_names[static_cast<std::size_t>(op.layer)];
    if (row.operations.empty() || op.layer != step.ops[nest.spec.ops.front().op].layer) {
      name = layer + " " + name;
    }
    if (row.operations.empty() || row.operations.back() != name) row.operations.push_back(name);
  }
  row.loops = loops_of(nest);
  for (const sim::Residency& residency : schedule.residencies) {
    if (residency.first <= n && n <= residency.last) row.kept.push_back(name_of(residency, step));
  }
  sim::NestShape shape(nest.spec);
  shape.set(nest.loops, nest.parts);
  row.words = sim::nest_cost(nest.spec, shape, nest.resident);
  shape.set({});
  row.once = sim::nest_cost(nest.spec, shape, nest.resident);
  return row;
}

}  // namespace

std::string schedule_text(const sim::Plan& plan) {
  Table table({"nest", "operations", "loops, outermost first", "DRAM words", "each word once"});
  std::string kept;
  const sim::Schedule& schedule = plan.schedule();
  for (std::size_t n = 0; n < schedule.nests.size(); ++n) {
    const NestRow row = row_of(plan, n);
    std::string operations = fmt::format("{}", fmt::join(row.operations, ", "));
    if (row.operations.size() > 6) {
      operations =
          fmt::format("{} ({} operations)", schedule.nests[n].spec.name, row.operations.size());
    }
    table.add({std::to_string(n + 1), operations,
               row.loops.empty() ? "whole tensors" : fmt::format("{}", fmt::join(row.loops, ", ")),
               grouped(row.words), grouped(row.once)});
  }
  for (const sim::Residency& residency : schedule.residencies) {
    kept +=
        fmt::format("  {:<44} nests {} to {}: {}{}\n", name_of(residency, plan.step()),
                    residency.first + 1, residency.last + 1,
                    residency.begin == sim::Residency::Begin::load ? "loaded once" : "made there",
                    residency.stored ? ", stored at the end" : ", never stored");
  }
  std::string text =
      "\nNests: operations that run tile by tile under common loops\n" + table.text();
  text += "\nTensors that stay in the buffer from nest to nest, or the first part of them\n" +
          (kept.empty() ? "  none\n" : kept);
  text += "  Random matrices and masks stream from the PRNG unit into the array.\n";
  return text;
}

Json schedule_json(const sim::Plan& plan) {
  Json json = Json::array();
  for (std::size_t n = 0; n < plan.schedule().nests.size(); ++n) {
    const NestRow row = row_of(plan, n);
    json.push_back({{"operations", row.operations},
                    {"loops", row.loops},
                    {"kept", row.kept},
                    {"dram_words", row.words},
                    {"each_word_once", row.once}});
  }
  return json;
}

}  // namespace spillway::analysis
