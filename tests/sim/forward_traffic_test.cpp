// The planner's forward products, each layer alone, against the best tiles of tests/data/
// lower_bounds.csv.
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <map>
#include <memory>
#include <set>
#include <sstream>

#include "sim/plan/allocation/memory_map.hpp"
#include "sim/plan/fusion/step_parts.hpp"
#include "sim/plan/mapping/candidates.hpp"
#include "sim/plan/mapping/fitted_nest.hpp"
#include "sim/plan/mapping/nest_search.hpp"
#include "sim/plan/mapping/nest_shape.hpp"
#include "sim/plan/operations/phases.hpp"
#include "tests/support/build.hpp"

namespace spillway::forward_traffic_test {

using workloads::Layer;
using workloads::Words;

namespace {

constexpr std::int64_t batch = 100;

/// A row of the file: the tiles found on paper for one layer's product in a buffer.
struct BestTile {
  std::string network, layer, pass, buffer;
  std::uint64_t buffer_words, compulsory, words;
};

std::vector<BestTile> best_tiles() {
  std::ifstream file(std::string(SPILLWAY_SOURCE_DIR) + "/tests/data/lower_bounds.csv");
  std::string line;
  std::getline(file, line);
  std::vector<BestTile> rows;
  while (std::getline(file, line)) {
    std::istringstream cells(line);
    std::vector<std::string> row;
    for (std::string cell; std::getline(cells, cell, ',');) row.push_back(cell);
    rows.push_back({row.at(0), row.at(1), row.at(2), row.at(3), std::stoull(row.at(4)),
                    std::stoull(row.at(6)), std::stoull(row.at(10))});
  }
  return rows;
}

/// The setting of the file: without batch-norm, images in memory, all else idealised.
sim::Experiment experiment_of(const std::string& network) {
  sim::Experiment experiment = test::shipped(network + "-bp");
  for (Layer& layer : experiment.network.layers) layer.batch_norm = false;
  experiment.idealisations = sim::Idealisations::paper_but(sim::Item::input_images);
  experiment.batch = batch;
  return experiment;
}

/// The forward product of each layer, alone or with what follows it on its result: ReLU, pooling.
class ForwardPlanner {
 public:
  explicit ForwardPlanner(const sim::Experiment& experiment)
      : step_(sim::training_step(experiment)),
        map_(sim::place_tensors(step_, experiment.idealisations, experiment.device)),
        array_(experiment.device.array()),
        builder_(step_, sim::CountedWords(map_)) {
    const sim::StepParts parts = sim::parts_of(step_);
    for (const sim::LayerParts& layer : parts.layers) {
      sim::NestRequest request;
      request.main = {parts.parts[layer.forward.front()]};
      for (std::size_t i = 1; i < layer.forward.size(); ++i) {
        request.after.push_back(parts.parts[layer.forward[i]]);
      }
      layers_.push_back(choice_of(builder_, request));
    }
  }

  /// With weights in tiles, or whole in the buffer from the beginning to the end.
  std::uint64_t words(std::size_t layer, std::uint64_t buffer) const {
    const std::optional<sim::Nest> tiled = choose(layers_.at(layer), buffer, array_);
    REQUIRE(tiled);
    const std::uint64_t words = moved(*tiled, buffer);
    const sim::NestSpec& spec = layers_[layer].front();
    sim::ResidentPrefixes resident(spec.slots.size());
    std::uint64_t weights = 0;
    for (std::size_t s = 0; s < spec.slots.size(); ++s) {
      const workloads::Tensor& tensor = step_.tensor(spec.slots[s].tensor);
      if (tensor.kind != workloads::TensorKind::weights) continue;
      resident[s] = tensor.shape[0];
      weights += words_of(tensor.bytes()).count();
    }
    if (weights >= buffer) return words;
    const auto found = find_loops(spec, resident, buffer - weights);
    if (!found) return words;
    const sim::Nest nest = make_nest(spec, *found, resident, buffer - weights);
    return std::min(words, weights + moved(nest, buffer - weights));
  }

 private:
  static std::uint64_t moved(const sim::Nest& nest, std::uint64_t buffer) {
    sim::NestShape shape(nest.spec);
    shape.set(nest.loops, nest.parts);
    CHECK(pack(nest.spec, shape, nest.resident).words <= buffer);
    return nest_cost(nest.spec, shape, nest.resident);
  }

  workloads::Step step_;
  models::MemoryMap map_;
  models::ComputeArray array_;
  sim::NestBuilder builder_;
  std::vector<sim::NestChoice> layers_;
};

/// Every input, weight and pooled output once.
Words once(const Layer& layer) {
  const Words maps =
      Words(static_cast<std::uint64_t>(layer.input.elements())) + layer.activations();
  return layer.weights() + batch * maps;
}

}  // namespace

TEST_CASE("forward products alone move no more words than the best tiles on paper") {
  const std::map<std::string, std::string> networks{
      {"mlp", "mnist-mlp"}, {"net5", "cifar10-5layer"}, {"net10", "cifar10-10layer"}};
  struct Sum {
    std::uint64_t ours = 0, paper = 0;
    std::string layers;
  };
  std::map<std::pair<std::string, std::string>, Sum> sums;
  std::map<std::string, std::unique_ptr<ForwardPlanner>> planners;
  int rows = 0;
  for (const BestTile& row : best_tiles()) {
    if (row.pass != "fwd") continue;
    ++rows;
    const sim::Experiment experiment = experiment_of(networks.at(row.network));
    const auto& layers = experiment.network.layers;
    const auto layer = std::ranges::find(layers, row.layer, &Layer::name);
    REQUIRE(layer != layers.end());
    CHECK(once(*layer) == Words(row.compulsory));
    std::unique_ptr<ForwardPlanner>& planner = planners[row.network];
    if (!planner) planner = std::make_unique<ForwardPlanner>(experiment);
    const std::uint64_t ours =
        planner->words(static_cast<std::size_t>(layer - layers.begin()), row.buffer_words);
    CHECK(ours >= row.compulsory);
    Sum& sum = sums[{row.network, row.buffer}];
    sum.ours += ours;
    sum.paper += row.words;
    sum.layers += fmt::format("\n  {} {} of {}, {:.4f}", row.layer, ours, row.words,
                              static_cast<double>(ours) / static_cast<double>(row.words));
  }
  CHECK(rows == 18 * 4);
  CHECK(sums.size() == 3 * 4);
  for (const auto& [where, sum] : sums) {
    const std::string what = fmt::format("{} {}: {} of {}{}", where.first, where.second, sum.ours,
                                         sum.paper, sum.layers);
    CAPTURE(what);
    CHECK(sum.ours <= sum.paper);
  }
}

}  // namespace spillway::forward_traffic_test
