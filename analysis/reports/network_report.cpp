// A network's shapes and counts, layer by layer, as text and JSON.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <functional>

#include "analysis/formats/columns.hpp"
#include "analysis/formats/json.hpp"
#include "analysis/formats/output.hpp"
#include "analysis/reports/graph_report.hpp"
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
  if (layer.relu) parts.emplace_back(layer.relu6 ? "ReLU6" : "ReLU");
  if (layer.pool) parts.push_back(workloads::pool_row(layer.pool->kind).name);
  if (layer.dropout > 0) parts.push_back(fmt::format("dropout {:g}", layer.dropout));
  return fmt::format("{}", fmt::join(parts, ", "));
}

/// A layer, and its fan-out in the network.
struct LayerRow {
  std::reference_wrapper<const Layer> of;
  double fan_out;

  ParameterCount parameters() const { return count_parameters(of); }
};

std::vector<LayerRow> rows_of(const Network& network) {
  std::vector<LayerRow> rows;
  for (std::size_t i = 0; i < network.layers.size(); ++i) {
    rows.push_back({network.layers[i], network.fan_out(i + 1)});
  }
  return rows;
}

Columns<LayerRow> layer_columns() {
  using Row = LayerRow;
  return {
      {{"layer", "", "layer"}, [](const Row& r) { return r.of.get().name; }},
      {{"input", "", ""}, [](const Row& r) { return shape_text(r.of.get().input); }},
      {{"output", "", ""}, [](const Row& r) { return shape_text(r.of.get().output); }},
      {{"|P|", "", "weights"}, [](const Row& r) { return r.of.get().weights().count(); }},
      {{"", "", "biases"}, [](const Row& r) { return r.parameters().biases.count(); }},
      {{"", "", "batch_norm_parameters"},
       [](const Row& r) { return r.parameters().batch_norm.count(); }},
      {{"parameters", "", "parameters"}, [](const Row& r) { return r.parameters().all().count(); }},
      {.names = {"|Y|", "", "activations_before_pool"},
       .value = [](const Row& r) { return r.of.get().activations_before_pool().count(); },
       .json_last = true},
      {{"|A|", "", "activations"}, [](const Row& r) { return r.of.get().activations().count(); }},
      {.names = {"R", "", "fan_out"},
       .value = [](const Row& r) { return r.fan_out; },
       .in_text = [](const Row& r) { return fmt::format("{:g}", r.fan_out); },
       .json_last = true},
      {.names = {"MACs padded", "", "macs_padded"},
       .value = [](const Row& r) { return r.of.get().macs_padded().count(); },
       .json_last = true},
      {.names = {"MACs exact", "", "macs"},
       .value = [](const Row& r) { return r.of.get().macs_exact().count(); },
       .json_last = true},
      {{"then", "", ""}, [](const Row& r) { return parts_text(r.of); }}};
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
  Table table = text_table(layer_columns(), rows_of(network));
  workloads::Macs padded, exact;
  workloads::Words parameters;
  for (const Layer& layer : network.layers) {
    padded += layer.macs_padded();
    exact += layer.macs_exact();
    parameters += count_parameters(layer).all();
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
         (network.note.empty() ? "" : "Note: " + network.note + ".\n") + parameters_text(network) +
         (network.is_chain() ? "" : graph_text(network));
}

std::string network_json(const Network& network) {
  const ParameterCount count = count_parameters(network);
  std::vector<LayerRow> weighted = rows_of(network);
  std::erase_if(weighted, [](const LayerRow& row) { return !is_weighted(row.of.get().kind); });
  Json json = {{"network", network.name},
               {"weights", network.weights().count()},
               {"biases", count.biases.count()},
               {"batch_norm_parameters", count.batch_norm.count()},
               {"readout_weights", count.readout_weights.count()},
               {"readout_biases", count.readout_biases.count()},
               {"parameters", count.all().count()},
               {"activations", network.activations().count()},
               {"layers", json_rows(layer_columns(), weighted)}};
  if (!network.note.empty()) json["note"] = network.note;
  if (!network.is_chain()) json["graph"] = graph_json(network);
  return dump(json);
}

}  // namespace spillway::analysis
