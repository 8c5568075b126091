#include "analysis/closed_forms/closed_form.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "workloads/support/error.hpp"

namespace spillway::analysis {

using workloads::Layer;
using workloads::Network;

namespace {

std::uint64_t minibatches(Table1Rule rule, const Table1Scale& scale) {
  const bool once_an_epoch = rule == Table1Rule::lel && scale.literal;
  return scale.epochs * (once_an_epoch ? 1 : scale.batches_per_epoch);
}

/// MACs of a forward pass per example under a reading. R_i |A_i| is layer i + 1's.
Macs forward_macs(const Network& network, MacReading reading) {
  Macs sum;
  for (const Layer& layer : network.layers) {
    if (reading == MacReading::printed && &layer == &network.layers.front()) continue;
    sum += reading == MacReading::exact ? layer.macs_exact() : layer.macs_padded();
  }
  return sum;
}

}  // namespace

const std::vector<std::string>& paper_networks() {
  static const std::vector<std::string> names{"mnist-mlp", "cifar10-5layer", "cifar10-10layer"};
  return names;
}

const std::vector<std::pair<Table1Rule, std::string>>& table1_rules() {
  static const std::vector<std::pair<Table1Rule, std::string>> rules{{Table1Rule::bp, "bp"},
                                                                     {Table1Rule::lel, "lel"}};
  return rules;
}

bool is_table1_rule(const std::string& name) {
  return std::ranges::any_of(table1_rules(), [&](const auto& row) { return row.second == name; });
}

Table1Words table1_words(const Network& network, Table1Rule rule, const Table1Scale& scale) {
  const std::uint64_t steps = minibatches(rule, scale);
  const Words p = network.weights();
  if (rule == Table1Rule::lel) return {p * steps, p * steps};
  const Words a = network.hidden_activations() * scale.batch;
  return {(2 * p + a) * steps, (p + a) * steps};
}

Macs table1_macs(const Network& network, Table1Rule rule, MacReading reading,
                 const Table1Scale& scale) {
  const Macs forward = forward_macs(network, reading);
  Macs example;
  if (rule == Table1Rule::bp) {
    example = 3 * forward;
    if (reading == MacReading::exact) example -= network.layers.front().macs_exact();
  } else {
    const auto classes = static_cast<std::uint64_t>(network.classes);
    example = 2 * forward + Macs(2 * classes * network.hidden_activations().count());
  }
  return example * scale.batch * scale.epochs * scale.batches_per_epoch;
}

Table1Words closed_form_words(const Network& network, const ClosedForm& form, std::uint64_t batch,
                              int fix) {
  const Words p = network.weights();
  const Words a = (network.hidden_activations() + network.maps_before_pool_kept()) * batch;
  const Words m = network.hidden_activations() * static_cast<std::uint64_t>(network.classes);
  const auto sum = [&](const ClosedForm::Words& of) {
    return of.weights * p + of.activations * a + of.classifiers * m;
  };
  Words fixed;
  for (const Layer& layer : network.layers) {
    if (layer.kind == workloads::LayerKind::conv && fix-- > 0) fixed += layer.weights();
  }
  return {sum(form.reads), sum(form.writes) - fixed};
}

Macs closed_form_macs(const Network& network, const ClosedForm& form, std::uint64_t batch,
                      int fix) {
  const auto classes = static_cast<std::uint64_t>(network.classes);
  Macs sum = form.passes * forward_macs(network, MacReading::exact) +
             form.classifier_products * Macs(classes * network.hidden_activations().count());
  if (form.error_pass) sum -= network.layers.front().macs_exact();
  int number = 0;
  for (const Layer& layer : network.layers) {
    ++number;
    if (layer.kind != workloads::LayerKind::conv || fix-- <= 0) continue;
    sum -= layer.macs_exact();
    const bool classified = !network.gives_scores(number);
    if (classified && !layer.batch_norm) sum -= Macs(classes * layer.activations().count());
  }
  return sum * batch;
}

void require_chain(const Network& network, const std::string& what) {
  if (network.is_chain()) return;
  throw workloads::InputError(fmt::format(
      "{}: found network {}, whose layers do not each read the one before; allowed: chains of conv "
      "and fc layers",
      what, network.name));
}

namespace {

const ClosedForm& form_of(const std::string& rule) {
  const std::optional<ClosedForm>& form = workloads::learning_rule(rule).closed_form;
  if (!form) throw workloads::InputError(fmt::format("rule {} has no closed form", rule));
  return *form;
}

}  // namespace

Table1Words rule_words(const Network& network, const std::string& rule, std::uint64_t batch,
                       int fix) {
  return closed_form_words(network, form_of(rule), batch, fix);
}

Macs rule_macs(const Network& network, const std::string& rule, std::uint64_t batch, int fix) {
  return closed_form_macs(network, form_of(rule), batch, fix);
}

Words paper_memory(const Network& network, std::uint64_t batch) {
  Words most;
  for (const Layer& layer : network.layers) {
    most = std::max(most, layer.weights() + layer.activations() * batch);
  }
  return most;
}

bool lel_needs_fewer_macs(const Network& network) {
  const auto classes = static_cast<std::uint64_t>(network.classes);
  return 2 * classes * network.hidden_activations().count() <
         forward_macs(network, MacReading::figure2).count();
}

}  // namespace spillway::analysis
