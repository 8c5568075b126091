#include "analysis/figures/explore_buffer.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>

#include "analysis/closed_forms/closed_form.hpp"
#include "analysis/closed_forms/lower_bound.hpp"
#include "workloads/support/error.hpp"
#include "workloads/support/sizes.hpp"

namespace spillway::analysis {

using workloads::InputError;
using workloads::Network;

namespace {

[[noreturn]] void refuse_sizes(const std::string& found, const std::string& hint = "") {
  throw InputError(fmt::format(
      "--sizes: found \"{}\"; allowed: a list with commas of ranges 16KiB..64MiB, from the smaller "
      "to the larger with a power of two in it, and of sizes: {}{}",
      workloads::printable(found), workloads::allowed_sizes(), hint));
}

Bytes parse_one_size(std::string text, const std::string& found) {
  text.erase(0, text.find_first_not_of(' '));
  text.erase(text.find_last_not_of(' ') + 1);
  const std::optional<Bytes> size = workloads::parse_size(text);
  if (!size || *size < Bytes(workloads::bytes_per_word)) {
    refuse_sizes(found, workloads::size_hint(text));
  }
  return *size;
}

/// "16 KiB", or "16KiB..64KiB".
void add_sizes(std::vector<Bytes>& sizes, const std::string& item) {
  const std::size_t dots = item.find("..");
  if (dots == std::string::npos) {
    sizes.push_back(parse_one_size(item, item));
    return;
  }
  const Bytes first = parse_one_size(item.substr(0, dots), item);
  const Bytes last = parse_one_size(item.substr(dots + 2), item);
  const std::size_t before = sizes.size();
  for (Bytes size(1); size <= last; size *= 2) {
    if (size >= first) sizes.push_back(size);
  }
  if (sizes.size() == before) refuse_sizes(item);
}

Network without_batch_norm(Network network) {
  for (workloads::Layer& layer : network.layers) {
    if (layer.batch_norm) layer.bias = true;
    layer.batch_norm = false;
  }
  return network;
}

}  // namespace

std::vector<Bytes> parse_sizes(const std::string& text) {
  std::vector<Bytes> sizes;
  for (std::size_t begin = 0; begin <= text.size();) {
    const std::size_t end = std::min(text.find(',', begin), text.size());
    add_sizes(sizes, text.substr(begin, end - begin));
    begin = end + 1;
  }
  std::ranges::sort(sizes);
  sizes.erase(std::unique(sizes.begin(), sizes.end()), sizes.end());
  return sizes;
}

std::string size_name(Bytes size) {
  const std::uint64_t bytes = size.count();
  for (const auto& [unit, name] : {std::pair{std::uint64_t{1} << 30, "GiB"},
                                   {std::uint64_t{1} << 20, "MiB"},
                                   {std::uint64_t{1} << 10, "KiB"}}) {
    if (bytes >= unit && bytes % unit == 0) return fmt::format("{} {}", bytes / unit, name);
  }
  return fmt::format("{} B", bytes);
}

const std::vector<std::string>& usual_rules() {
  static const std::vector<std::string> rules{"bp", "lel"};
  return rules;
}

std::vector<Curve> curves_of(const std::vector<std::string>& rules) {
  std::vector<Curve> curves;
  for (const std::string& rule : rules) {
    static_cast<void>(workloads::learning_rule(rule));
    curves.push_back({rule, false});
    curves.push_back({rule, true});
  }
  return curves;
}

std::size_t BufferExploration::reference(std::size_t curve) const {
  const auto found = std::ranges::find(curves, Curve{rules.back().first, curves[curve].recompute});
  return static_cast<std::size_t>(found - curves.begin());
}

std::vector<std::size_t> BufferExploration::compared() const {
  std::vector<std::size_t> others;
  for (std::size_t c = 0; c < curves.size(); ++c) {
    if (c != reference(c)) others.push_back(c);
  }
  return others;
}

std::size_t BufferExploration::rule_of(std::size_t curve) const {
  const auto found =
      std::ranges::find(rules, curves[curve].rule, [](const auto& rule) { return rule.first; });
  return static_cast<std::size_t>(found - rules.begin());
}

std::optional<std::vector<double>> BufferExploration::ratios(const BufferRow& row) const {
  if (!std::ranges::all_of(row.points, &BufferPoint::planned)) return std::nullopt;
  const auto words = [&](std::size_t curve) {
    return static_cast<double>(row.points[curve].words().count());
  };
  std::vector<double> result;
  for (const std::size_t c : compared()) result.push_back(words(c) / words(reference(c)));
  return result;
}

std::string rule_title(std::string rule) {
  std::ranges::transform(rule, rule.begin(), [](unsigned char c) { return std::toupper(c); });
  return rule;
}

std::string curve_title(const Curve& curve) {
  return rule_title(curve.rule) + (curve.recompute ? " recomputing" : "");
}

std::optional<double> BufferExploration::closed_form_ratio() const {
  const auto &first = rules.front().second, &last = rules.back().second;
  if (rules.size() < 2 || !first || !last) return std::nullopt;
  return static_cast<double>(first->count()) / static_cast<double>(last->count());
}

BufferExploration explore_buffer(const Network& network, std::int64_t batch,
                                 const std::vector<Bytes>& sizes,
                                 const ExplorationOptions& options) {
  workloads::require_supported(network);
  require_chain(network, "explore-buffer");
  const auto examples = static_cast<std::uint64_t>(batch);
  const Words compulsory = compulsory_words(network, examples);
  BufferExploration result{
      network.name, examples, compulsory - 2 * network.weights(), network.weights(),
      compulsory,   {},       curves_of(options.rules),           {}};
  for (const std::string& rule : options.rules) {
    std::optional<Words> words;
    if (const auto& form = workloads::learning_rule(rule).closed_form) {
      const Table1Words both = closed_form_words(network, *form, examples);
      words = both.reads + both.writes;
    }
    result.rules.emplace_back(rule, words);
  }
  std::vector<sim::Experiment> experiments{plain_experiment(without_batch_norm(network), batch)};
  if (std::ranges::any_of(network.layers, &workloads::Layer::batch_norm)) {
    experiments.push_back(plain_experiment(network, batch));
  }
  for (const std::string& rule : options.rules) {
    workloads::require_fitting_rule(network, rule, experiments.front().rule_options);
  }
  for (std::size_t b = 0; b < experiments.size(); ++b) {
    BufferBlock block{b == 1, {}};
    std::vector<workloads::Step> steps;
    for (const std::string& rule : options.rules) {
      experiments[b].rule = rule;
      steps.push_back(sim::training_step(experiments[b]));
    }
    for (const Bytes size : sizes) {
      const Words whole(size.count() / workloads::bytes_per_word);
      block.rows.push_back({size, {}, forward_alone_words(network, examples, whole), {}});
      for (const workloads::Step& step : steps) {
        block.rows.back().bounds.push_back(compulsory_words(step) +
                                           spilled_words(experiments[b].network, step, whole));
      }
      BufferPoint unknown{};
      unknown.pending = true;
      block.rows.back().points.assign(result.curves.size(), unknown);
    }
    result.blocks.push_back(std::move(block));
  }
  if (options.recall) options.recall(result);
  struct Task {
    std::size_t block, row, curve;
  };
  std::vector<Task> tasks;
  for (std::size_t b = 0; b < result.blocks.size(); ++b) {
    for (std::size_t r = 0; r < sizes.size(); ++r) {
      for (std::size_t c = 0; c < result.curves.size(); ++c) {
        if (!result.blocks[b].rows[r].points[c].pending) continue;
        tasks.push_back({b, r, c});
      }
    }
  }
  PlannedPoints points{tasks.size(), options.jobs, {}, {}, {}, options.progress};
  points.what = [&](std::size_t i) {
    return fmt::format("{} at {}", rule_title(result.curves[tasks[i].curve].rule),
                       size_name(sizes[tasks[i].row]));
  };
  points.experiment = [&](std::size_t i) {
    const Curve& curve = result.curves[tasks[i].curve];
    sim::Experiment experiment = experiments[tasks[i].block];
    experiment.rule = curve.rule;
    experiment.policy = curve.recompute ? sim::Policy::best_with_recomputation : sim::Policy::best;
    experiment.device.buffer = sizes[tasks[i].row];
    return experiment;
  };
  points.take = [&](std::size_t i, BufferPoint point) {
    const auto [b, r, c] = tasks[i];
    result.blocks[b].rows[r].points[c] = std::move(point);
    if (options.keep) options.keep(result);
  };
  plan_points(points);
  return result;
}

}  // namespace spillway::analysis
