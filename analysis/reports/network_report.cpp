// A network's shapes and counts, layer by layer, as text and JSON.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "analysis/formats/json.hpp"
#include "analysis/formats/output.hpp"
#include "analysis/reports/report.hpp"
#include "workloads/parameters.hpp"

namespace spillway::analysis {

namespace {

using workloads::Layer;
using workloads::Network;
using workloads::ParameterCount;

std::string shape_text(const workloads::ImageShape& shape) {
  return fmt::format("{}x{}x{}", shape.channels, shape.height, shape.width);
}

/// What follows a layer's product: "batch-norm, ReLU, max-pool".
std::string parts_text(const Layer& layer) {
  std::vector<std::string> parts;
  if (layer.batch_norm) parts.emplace_back("batch-norm");
  if (layer.bias) parts.emplace_back("bias");
  if (layer.relu) parts.emplace_back("ReLU");
  if (layer.pool) parts.push_back(workloads::pool_row(layer.pool->kind).name);
  if (layer.dropout > 0) parts.push_back(fmt::format("dropout {:g}", layer.dropout));
  return fmt::format("{}", fmt::join(parts, ", "));
}

/// From what the paper counts to all that is learned.
std::string parameters_text(const Network& network) {
  const ParameterCount count = count_parameters(network);
  Table table({"parameters", "words"});
  const auto add = [&](const char* what, workloads::Words words) {
    table.add({what, grouped(words.count())});
  };
  add("weights, as the paper counts them: |P|", count.weights);
  add("biases of the layers", count.biases);
  add("batch-norm, a scale and a shift each", count.batch_norm);
  add("weights of the readout layer", count.readout_weights);
  add("biases of the readout layer", count.readout_biases);
  table.add_rule();
  add("all", count.all());
  return "\n" + table.text() +
         "  The readout layer belongs to the network under rules whose error comes from the top. "
         "Local\n"
         "  classifiers, random or trained, are no parameters of the network, nor are running "
         "statistics.\n";
}

}  // namespace

std::string network_text(const Network& network) {
  Table table({"layer", "input", "output", "|P|", "parameters", "|Y|", "|A|", "R", "MACs padded",
               "MACs exact", "then"});
  workloads::Macs padded, exact;
  workloads::Words parameters;
  for (std::size_t i = 0; i < network.layers.size(); ++i) {
    const Layer& layer = network.layers[i];
    padded += layer.macs_padded();
    exact += layer.macs_exact();
    parameters += count_parameters(layer).all();
    table.add({layer.name, shape_text(layer.input), shape_text(layer.output),
               grouped(layer.weights().count()), grouped(count_parameters(layer).all().count()),
               grouped(layer.activations_before_pool().count()),
               grouped(layer.activations().count()), fmt::format("{:g}", network.fan_out(i + 1)),
               grouped(layer.macs_padded().count()), grouped(layer.macs_exact().count()),
               parts_text(layer)});
  }
  table.add_rule();
  table.add({"sum", "", "", grouped(network.weights().count()), grouped(parameters.count()), "",
             grouped(network.activations().count()), "", grouped(padded.count()),
             grouped(exact.count()), ""});
  return fmt::format(
             "{}: input {}, {} classes; words and forward MACs per example\n"
             "|P| weights, |Y| activations before pooling, |A| after it, R fan-out of a neuron\n\n"
             "{}",
             network.name, shape_text(network.input), network.classes, table.text()) +
         parameters_text(network);
}

std::string network_json(const Network& network) {
  Json layers = Json::array();
  for (std::size_t i = 0; i < network.layers.size(); ++i) {
    const Layer& layer = network.layers[i];
    const ParameterCount count = count_parameters(layer);
    layers.push_back({{"layer", layer.name},
                      {"weights", layer.weights().count()},
                      {"biases", count.biases.count()},
                      {"batch_norm_parameters", count.batch_norm.count()},
                      {"parameters", count.all().count()},
                      {"activations", layer.activations().count()},
                      {"activations_before_pool", layer.activations_before_pool().count()},
                      {"fan_out", network.fan_out(i + 1)},
                      {"macs_padded", layer.macs_padded().count()},
                      {"macs", layer.macs_exact().count()}});
  }
  const ParameterCount count = count_parameters(network);
  return dump({{"network", network.name},
               {"weights", network.weights().count()},
               {"biases", count.biases.count()},
               {"batch_norm_parameters", count.batch_norm.count()},
               {"readout_weights", count.readout_weights.count()},
               {"readout_biases", count.readout_biases.count()},
               {"parameters", count.all().count()},
               {"activations", network.activations().count()},
               {"layers", layers}});
}

}  // namespace spillway::analysis
