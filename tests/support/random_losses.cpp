#include "tests/support/random_losses.hpp"

#include "tests/support/random_experiment.hpp"

namespace spillway::test {

using workloads::ImageShape;
using workloads::LayerSpec;
using workloads::Loss;
using workloads::Readout;
using workloads::Targets;

namespace {

std::vector<LayerSpec> unnamed_layers(const workloads::Network& network) {
  std::vector<LayerSpec> layers(network.layers.begin(), network.layers.end());
  for (LayerSpec& layer : layers) layer.name.clear();
  return layers;
}

LayerSpec linear(LayerSpec spec, workloads::SplitMix& numbers) {
  spec.relu = false;
  spec.bias = numbers.below(4) != 0;
  return spec;
}

}  // namespace

sim::Experiment random_loss_experiment(workloads::SplitMix& numbers, const std::string& rule) {
  sim::Experiment result = random_experiment(numbers, rule);
  const workloads::Network& network = result.network;
  std::vector<LayerSpec> layers = unnamed_layers(network);
  ImageShape input = network.input;
  std::int64_t classes = network.classes;
  const auto least = static_cast<std::int64_t>(numbers.below(2)) + 1;
  const std::uint64_t kind = numbers.below(5);
  Readout readout = kind == 0 || numbers.below(2) == 0 ? Readout::none : Readout::trained;
  if (kind != 0 || numbers.below(2) == 0) result.rule_options.loss = Loss::mse;
  if (kind == 1) classes = 1;
  if (kind >= 2) {
    // A small image, as every classifier is as large as it.
    input = {least, 1 + static_cast<std::int64_t>(numbers.below(5)),
             1 + static_cast<std::int64_t>(numbers.below(5))};
    classes = input.elements();
    result.rule_options.targets = Targets::inputs;
    layers.clear();
    const LayerSpec inner = kind == 2 ? fc(1 + static_cast<std::int64_t>(numbers.below(12)))
                                      : conv(std::int64_t{1} << numbers.below(3), 3);
    layers.assign(numbers.below(3) + 1, inner);
    result.rule_options.fix = 0;
  }
  const bool conv_last = kind == 4 && rule != "dfa";
  if (conv_last) readout = Readout::none;
  if (readout == Readout::none) {
    layers.push_back(linear(conv_last ? conv(input.channels, 3) : fc(classes), numbers));
  }
  const double input_dropout = network.input_dropout;
  result.network = workloads::make_network("random", input, classes, layers, readout);
  result.network.input_dropout = input_dropout;
  return result;
}

}  // namespace spillway::test
