#include "analysis/sweeps/evolution.hpp"

#include "workloads/support/error.hpp"

#ifdef SPILLWAY_PAGMO
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <memory>
#include <pagmo/algorithm.hpp>
#include <pagmo/algorithms/nsga2.hpp>
#include <pagmo/batch_evaluators/member_bfe.hpp>
#include <pagmo/bfe.hpp>
#include <pagmo/population.hpp>
#include <pagmo/problem.hpp>

#include "analysis/sweeps/sweep_table.hpp"
#endif

namespace spillway::analysis {

#ifdef SPILLWAY_PAGMO

namespace {

using pagmo::vector_double;

struct Interrupted {};
struct BudgetSpent {};

/// Runs points for the algorithm and knows what came of them.
class Evaluation {
 public:
  Evaluation(const Sweep& sweep, PointReader& reader, const SweepFolder& folder,
             const SweepOptions& options)
      : sweep_(sweep), space_(sweep), reader_(reader), folder_(folder), options_(options) {}

  const Sweep& sweep() const { return sweep_; }
  SweepOutcome& outcome() { return outcome_; }
  const std::vector<ListedPoint>& points() const { return points_; }

  /// The objectives of many points, whose indices stand behind one another. Throws Interrupted, and
  /// BudgetSpent when the points are more than may be tried.
  vector_double evaluate(const vector_double& indices) {
    const std::size_t width = sweep_.dimensions.size(), count = indices.size() / width;
    std::vector<ListedPoint> batch;
    for (std::size_t i = 0; i < count; ++i) {
      batch.push_back(point_at({indices.begin() + static_cast<std::ptrdiff_t>(i * width),
                                indices.begin() + static_cast<std::ptrdiff_t>((i + 1) * width)}));
    }
    run(batch);
    vector_double objectives;
    for (const ListedPoint& point : batch) {
      const std::vector<double>& values = objectives_.at(point.hash);
      objectives.insert(objectives.end(), values.begin(), values.end());
    }
    return objectives;
  }

 private:
  ListedPoint point_at(const vector_double& indices) {
    Choice choice;
    for (const double index : indices) {
      choice.push_back(static_cast<std::uint32_t>(std::lround(index)));
    }
    choice = space_.applied(std::move(choice));
    const auto [place, fresh] = hashes_.try_emplace(choice);
    if (fresh && space_.is_wanted(choice)) place->second = reader_.inputs(choice).hash;
    if (place->second.empty()) objectives_[""] = worst();  // left out by the sweep's conditions
    return {place->second, choice};
  }

  void run(const std::vector<ListedPoint>& batch) {
    std::vector<ListedPoint> fresh;
    for (const ListedPoint& point : batch) {
      if (objectives_.contains(point.hash)) continue;
      objectives_[point.hash] = worst();
      fresh.push_back(point);
    }
    const std::size_t left = sweep_.search.points - points_.size();
    const bool spent = fresh.size() > left;
    if (spent) fresh.resize(left);
    points_.insert(points_.end(), fresh.begin(), fresh.end());
    folder_.write_list(sweep_, points_);
    SweepOptions whole = options_;
    whole.shard = {};
    const std::vector<ListedPoint> missing = missing_points(fresh, folder_, whole, outcome_);
    if (!do_points(sweep_, reader_, folder_, missing, options_, outcome_)) throw Interrupted();
    for (const ListedPoint& point : fresh) read_objectives(point.hash);
    if (spent) throw BudgetSpent();
  }

  void read_objectives(const std::string& hash) {
    const std::optional<Json> result = folder_.read_result(hash);
    if (!result) return;
    const std::vector<std::optional<double>> metrics = metrics_of(sweep_, *result);
    if (!is_feasible(sweep_, metrics)) return;
    std::vector<double> values;
    for (const Objective& objective : sweep_.objectives) {
      const auto found = std::ranges::find(sweep_.metrics, objective.metric, &Metric::name);
      const auto& value = metrics[static_cast<std::size_t>(found - sweep_.metrics.begin())];
      if (!value) return;
      values.push_back(objective.maximise ? -*value : *value);
    }
    objectives_[hash] = values;
  }

  std::vector<double> worst() const { return std::vector<double>(sweep_.objectives.size(), 1e300); }

  const Sweep& sweep_;
  PointSpace space_;
  PointReader& reader_;
  const SweepFolder& folder_;
  const SweepOptions& options_;
  SweepOutcome outcome_;
  std::vector<ListedPoint> points_;
  std::map<Choice, std::string> hashes_;
  std::map<std::string, std::vector<double>> objectives_;
};

/// The sweep as pagmo's problem: an integer for each dimension.
struct SweepProblem {
  Evaluation* evaluation = nullptr;

  vector_double fitness(const vector_double& x) const { return evaluation->evaluate(x); }
  vector_double batch_fitness(const vector_double& x) const { return evaluation->evaluate(x); }
  std::pair<vector_double, vector_double> get_bounds() const {
    if (evaluation == nullptr) return {{0}, {1}};
    vector_double low, high;
    for (const Dimension& dimension : evaluation->sweep().dimensions) {
      low.push_back(0);
      high.push_back(static_cast<double>(dimension.size() - 1));
    }
    return {low, high};
  }
  vector_double::size_type get_nix() const {
    return evaluation == nullptr ? 1 : evaluation->sweep().dimensions.size();
  }
  vector_double::size_type get_nobj() const {
    return evaluation == nullptr ? 1 : evaluation->sweep().objectives.size();
  }
  bool has_batch_fitness() const { return true; }
  pagmo::thread_safety get_thread_safety() const { return pagmo::thread_safety::none; }
  template <class Archive>
  void serialize(Archive&, unsigned) {}
};

}  // namespace

bool has_evolution() { return true; }

SweepOutcome evolve(const Sweep& sweep, PointReader& reader, const SweepFolder& folder,
                    const SweepOptions& options) {
  if (options.shard.of != 1) {
    throw workloads::InputError(
        "--shard: found with method nsga2, whose points depend on earlier "
        "ones; allowed: grid or random");
  }
  if (sweep.objectives.size() < 2) {
    throw workloads::InputError(sweep.file.string() +
                                ": objectives: found 1; allowed: at least 2 with method nsga2");
  }
  reader.inputs(PointSpace(sweep).applied(Choice(sweep.dimensions.size(), 0)));
  folder.prepare();
  Evaluation evaluation(sweep, reader, folder, options);
  const auto seed = static_cast<unsigned>(sweep.search.seed);
  try {
    const pagmo::problem problem{SweepProblem{&evaluation}};
    const pagmo::bfe by_batches{pagmo::member_bfe{}};
    pagmo::population population{problem, by_batches, sweep.search.population, seed};
    pagmo::nsga2 method{1, 0.95, 10, 1.0 / static_cast<double>(sweep.dimensions.size()), 50, seed};
    method.set_bfe(by_batches);
    const pagmo::algorithm algorithm{method};
    // Late generations may have nothing new in them, so that the budget is never spent.
    constexpr std::size_t most_idle = 20;
    for (std::size_t idle = 0; idle < most_idle;) {
      const std::size_t before = evaluation.points().size();
      population = algorithm.evolve(population);
      idle = evaluation.points().size() == before ? idle + 1 : 0;
      if (evaluation.points().size() >= sweep.search.points) break;
    }
  } catch (const BudgetSpent&) {
  } catch (const Interrupted&) {
  }
  return evaluation.outcome();
}

#else

bool has_evolution() { return false; }

SweepOutcome evolve(const Sweep& sweep, PointReader&, const SweepFolder&, const SweepOptions&) {
  throw workloads::InputError(
      sweep.file.string() +
      ": search.method: found \"nsga2\", which this program was built without (libpagmo-dev); "
      "allowed: grid, random");
}

#endif

}  // namespace spillway::analysis
