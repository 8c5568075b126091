#include "analysis/figures/explore_buffer.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <cctype>
#include <exception>
#include <mutex>
#include <thread>

#include "analysis/closed_forms/closed_form.hpp"
#include "analysis/closed_forms/lower_bound.hpp"
#include "sim/plan/allocation/buffer_too_small.hpp"
#include "sim/plan/plan.hpp"
#include "sim/plan/reports/planned_macs.hpp"
#include "workloads/support/error.hpp"
#include "workloads/support/shared_files.hpp"
#include "workloads/support/sizes.hpp"

namespace spillway::analysis {

using models::Port;
using sim::Direction;
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

sim::Experiment experiment_for(const Network& network, std::int64_t batch) {
  sim::Experiment experiment;
  experiment.name = network.name;
  experiment.network = network;
  experiment.device = models::read_device(workloads::Config::from_file(
      workloads::shared_folder() / "models" / "devices" / "paper.yaml"));
  experiment.device.buffer_where = "";
  // Memory has room for any network and batch: nothing but words is counted here.
  experiment.device.dram.geometry.rows_per_bank <<= 16;
  experiment.batch = batch;
  experiment.optimizer.momentum = 0;
  if (network.classes == 1) experiment.rule_options.loss = workloads::Loss::mse;
  experiment.idealisations = sim::Idealisations::none();
  for (const sim::Item item : sim::all_items()) {
    if (item == sim::Item::input_images || item == sim::Item::norm_inputs) continue;
    experiment.idealisations.add(item);
  }
  return experiment;
}

BufferPoint plan_point(sim::Experiment experiment, const Curve& curve, Bytes buffer) {
  experiment.rule = curve.rule;
  experiment.policy = curve.recompute ? sim::Policy::best_with_recomputation : sim::Policy::best;
  experiment.device.buffer = buffer;
  BufferPoint point;
  try {
    const sim::Plan plan = sim::make_plan(experiment);
    point.reads = plan.ledger().total(Port::dram, Direction::read);
    point.writes = plan.ledger().total(Port::dram, Direction::write);
    const sim::PlannedMacs macs = planned_macs(plan);
    point.macs = macs.macs;
    point.again = macs.again;
  } catch (const sim::BufferTooSmall& error) {
    point.refusal = error.what();
    point.smallest = error.smallest();
  }
  return point;
}

/// Do pieces of work 0 … count - 1, `jobs` at once. The first exception stops the rest and is
/// thrown.
void in_parallel(std::size_t count, std::size_t jobs,
                 const std::function<void(std::size_t)>& work) {
  std::atomic<std::size_t> next{0};
  std::exception_ptr failure;
  std::mutex failing;
  const auto worker = [&] {
    for (std::size_t i = next++; i < count; i = next++) {
      try {
        work(i);
      } catch (...) {
        next = count;
        const std::lock_guard lock(failing);
        if (!failure) failure = std::current_exception();
      }
    }
  };
  std::vector<std::jthread> threads;
  if (jobs == 0) jobs = std::max(1u, std::thread::hardware_concurrency());
  for (std::size_t t = 1; t < std::min(jobs, count); ++t) threads.emplace_back(worker);
  worker();
  threads.clear();  // joins them
  if (failure) std::rethrow_exception(failure);
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
    curves.push_back({rule, false});
    if (!workloads::learning_rule(rule).local) curves.push_back({rule, true});
  }
  return curves;
}

std::size_t BufferExploration::reference() const {
  const auto found = std::ranges::find(curves, Curve{rules.back().first, false});
  return static_cast<std::size_t>(found - curves.begin());
}

std::vector<std::size_t> BufferExploration::compared() const {
  std::vector<std::size_t> others;
  for (std::size_t c = 0; c < curves.size(); ++c) {
    if (c != reference()) others.push_back(c);
  }
  return others;
}

std::optional<std::vector<double>> BufferExploration::ratios(const BufferRow& row) const {
  if (!std::ranges::all_of(row.points, &BufferPoint::planned)) return std::nullopt;
  const auto words = [&](std::size_t curve) {
    return static_cast<double>(row.points[curve].words().count());
  };
  std::vector<double> result;
  for (const std::size_t c : compared()) result.push_back(words(c) / words(reference()));
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
  std::vector<sim::Experiment> experiments{experiment_for(without_batch_norm(network), batch)};
  if (std::ranges::any_of(network.layers, &workloads::Layer::batch_norm)) {
    experiments.push_back(experiment_for(network, batch));
  }
  for (const std::string& rule : options.rules) {
    workloads::require_fitting_rule(network, rule, experiments.front().rule_options);
  }
  for (std::size_t b = 0; b < experiments.size(); ++b) {
    BufferBlock block{b == 1, {}};
    for (const Bytes size : sizes) {
      const Words whole(size.count() / workloads::bytes_per_word);
      block.rows.push_back({size, {}, forward_alone_words(network, examples, whole)});
      BufferPoint unknown{};
      unknown.pending = true;
      block.rows.back().points.assign(result.curves.size(), unknown);
    }
    result.blocks.push_back(std::move(block));
  }
  // What a group of layers makes again begins with the first of the network. Batch-norm there needs
  // the whole batch: without recomputation the rule has the same plan.
  const auto recomputes = [&](std::size_t block) {
    return !experiments[block].network.layers.front().batch_norm;
  };
  if (options.recall) options.recall(result);
  struct Task {
    std::size_t block, row, curve;
  };
  std::vector<Task> tasks;
  for (std::size_t b = 0; b < result.blocks.size(); ++b) {
    for (std::size_t r = 0; r < sizes.size(); ++r) {
      for (std::size_t c = 0; c < result.curves.size(); ++c) {
        if (!result.blocks[b].rows[r].points[c].pending) continue;
        if (!result.curves[c].recompute || recomputes(b)) tasks.push_back({b, r, c});
      }
    }
  }
  std::mutex telling;
  ExplorationProgress at{0, 0, tasks.size(), ""};
  const auto tell = [&] {
    if (options.progress) options.progress(at);
  };
  in_parallel(tasks.size(), options.jobs, [&](std::size_t i) {
    const auto [b, r, c] = tasks[i];
    const Curve& curve = result.curves[c];
    const Bytes buffer = sizes[r];
    {
      const std::lock_guard lock(telling);
      ++at.begun;
      at.what = fmt::format("{} at {}", rule_title(curve.rule), size_name(buffer));
      tell();
    }
    BufferPoint point = plan_point(experiments[b], curve, buffer);
    const std::lock_guard lock(telling);
    result.blocks[b].rows[r].points[c] = std::move(point);
    ++at.done;
    tell();
    if (options.keep) options.keep(result);
  });
  for (std::size_t b = 0; b < result.blocks.size(); ++b) {
    if (recomputes(b)) continue;
    for (BufferRow& row : result.blocks[b].rows) {
      for (std::size_t c = 0; c < result.curves.size(); ++c) {
        if (result.curves[c].recompute) row.points[c] = row.points[c - 1];
      }
    }
  }
  return result;
}

}  // namespace spillway::analysis
