#include "workloads/parameters.hpp"

namespace spillway::workloads {

ParameterCount count_parameters(const Layer& layer) {
  const auto outputs = static_cast<std::uint64_t>(layer.outputs);
  ParameterCount count;
  count.weights = layer.weights();
  if (layer.bias) count.biases = Words(outputs);
  if (layer.batch_norm) count.batch_norm = Words(2 * outputs);
  return count;
}

ParameterCount count_parameters(const Network& network) {
  ParameterCount sum;
  for (const Layer& layer : network.layers) {
    const ParameterCount own = count_parameters(layer);
    sum.weights += own.weights;
    sum.biases += own.biases;
    sum.batch_norm += own.batch_norm;
  }
  if (network.readout == Readout::none) return sum;
  const auto classes = static_cast<std::uint64_t>(network.classes);
  sum.readout_weights = network.layers.back().activations() * classes;
  sum.readout_biases = Words(classes);
  return sum;
}

}  // namespace spillway::workloads
