#include "sim/idealisations.hpp"

#include <algorithm>

#include "workloads/support/nearest.hpp"

namespace spillway::sim {

using workloads::Config;
using workloads::Step;
using workloads::Tensor;
using workloads::TensorKind;

const std::vector<Item>& all_items() {
  static const std::vector<Item> items = [] {
    std::vector<Item> all;
    for (const auto& [item, name] : item_names) all.push_back(item);
    return all;
  }();
  return items;
}

std::string to_string(Item item) { return name_in(item_names, item); }

std::optional<Item> item_of(const Step& step, const Tensor& tensor) {
  if (tensor.layer == step.readout_layer() && tensor.kind != TensorKind::metrics) {
    return Item::readout_layer;
  }
  switch (tensor.kind) {
    case TensorKind::input_images: return Item::input_images;
    case TensorKind::labels: return Item::labels;
    case TensorKind::biases:
    case TensorKind::bias_gradients: return Item::biases;
    case TensorKind::norm_parameters:
    case TensorKind::norm_gradients: return Item::norm_parameters;
    case TensorKind::norm_statistics: return Item::norm_statistics;
    case TensorKind::norm_inputs: return Item::norm_inputs;
    case TensorKind::optimizer_state: return Item::optimizer_state;
    case TensorKind::winners: return Item::pooling_winners;
    case TensorKind::seeds: return Item::seeds;
    case TensorKind::metrics: return Item::metrics;
    case TensorKind::weights:
    case TensorKind::activations:
    case TensorKind::scores:
    case TensorKind::score_errors:
    case TensorKind::errors:
    case TensorKind::weight_gradients:
    case TensorKind::classifier:
    case TensorKind::classifier_gradients:
    case TensorKind::feedback:
    case TensorKind::masks: return std::nullopt;
  }
  return std::nullopt;
}

Idealisations Idealisations::paper() {
  Idealisations result;
  result.items_ = all_items();
  return result;
}

Idealisations Idealisations::paper_but(Item item) {
  Idealisations result = paper();
  std::erase(result.items_, item);
  return result;
}

void Idealisations::add(Item item) {
  if (!contains(item)) items_.push_back(item);
}

bool Idealisations::contains(Item item) const {
  return std::find(items_.begin(), items_.end(), item) != items_.end();
}

namespace {

Item read_item(const Config& config) {
  std::string name = config.text();
  std::replace_if(
      name.begin(), name.end(), [](char c) { return c == '_' || c == '-'; }, ' ');
  if (const std::optional<Item> item = value_in(item_names, name)) return *item;
  const std::vector<std::string> names = names_in(item_names);
  config.refuse(workloads::joined(names), workloads::did_you_mean(name, names));
}

}  // namespace

Idealisations read_idealisations(const Config& config) {
  if (config.is_scalar()) {
    if (config.text() == "paper") return Idealisations::paper();
    if (config.text() == "none") return Idealisations::none();
  }
  if (!config.is_list()) {
    config.refuse("paper, none, or a list of these: " + workloads::joined(names_in(item_names)));
  }
  Idealisations result;
  for (const Config& item : config.items()) result.add(read_item(item));
  return result;
}

}  // namespace spillway::sim
