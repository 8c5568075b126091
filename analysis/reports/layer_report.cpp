#include "analysis/reports/layer_report.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "analysis/closed_forms/lower_bound.hpp"
#include "analysis/formats/columns.hpp"
#include "analysis/formats/output.hpp"
#include "sim/plan/reports/layer_words.hpp"

namespace spillway::analysis {

namespace {

using namespace workloads;

/// The layer's own product, or one of the two of its way back: not those of a classifier.
bool is_forward(const Op& op) {
  return op.phase == Phase::forward && op.kernel.contract().is_product();
}
bool is_gradient(const Step& step, const Op& op) {
  if (op.phase != Phase::backward || !op.kernel.contract().is_product()) return false;
  const Tensor& result = step.tensor(op.outputs[0]);
  return result.kind == TensorKind::weight_gradients ||
         (result.kind == TensorKind::errors && result.layer < op.layer);
}

/// All three arrays of a product lie in DRAM when nobody needs them.
bool is_in_dram(const sim::Plan& plan, const Op& op) {
  return std::ranges::all_of(
      std::array{op.inputs[0], op.inputs[1], op.outputs[0]}, [&](TensorId id) {
        return !plan.step().tensor(id).generated && plan.map().at(id).port == models::Port::dram;
      });
}

void set_bounds(LayerTraffic& traffic, const Layer& layer, int number, const sim::Plan& plan,
                Words buffer) {
  const Words alone =
      product_alone_words(layer, static_cast<std::uint64_t>(plan.step().batch), buffer);
  bool gradients_known = !layer.pool_window;
  Words gradients;
  for (const Op& op : plan.step().ops) {
    if (op.layer != number) continue;
    if (is_forward(op) && is_in_dram(plan, op)) traffic.forward_alone = alone;
    if (!is_gradient(plan.step(), op)) continue;
    gradients_known &= is_in_dram(plan, op);
    gradients += alone;
  }
  if (gradients_known && gradients > Words(0)) traffic.gradients_alone = gradients;
}

Json count_of(const std::optional<Words>& words) {
  return words ? Json(words->count()) : Json(nullptr);
}

Columns<LayerTraffic> columns() {
  using Row = LayerTraffic;
  return {
      {{"layer", "", "layer"}, [](const Row& row) { return row.layer; }},
      {{"forward", "", "forward_words"}, [](const Row& row) { return row.forward.count(); }},
      {{"alone at least", "", "forward_alone_words"},
       [](const Row& row) { return count_of(row.forward_alone); },
       {},
       {},
       true},
      {{"loss, backward, update", "", "other_words"},
       [](const Row& row) { return row.rest.count(); }},
      {{"alone at least", "", "gradients_alone_words"},
       [](const Row& row) { return count_of(row.gradients_alone); },
       {},
       {},
       true},
      {{"in all", "", "words"}, [](const Row& row) { return row.words().count(); }},
      {{"every word once", "", "each_word_once"}, [](const Row& row) { return row.once.count(); }}};
}

}  // namespace

std::vector<LayerTraffic> layer_traffic(const sim::Experiment& experiment, const sim::Plan& plan) {
  const std::vector<Layer>& layers = experiment.network.layers;
  const std::vector<sim::LayerWords> words = sim::words_by_layer(plan);
  const std::vector<Words> once = sim::words_once(plan);
  std::vector<LayerTraffic> result;
  for (std::size_t i = 0; i < words.size(); ++i) {
    LayerTraffic traffic{
        plan.step().layer_names[i], words[i].forward, words[i].rest, once[i], {}, {}};
    const bool is_layer = i > 0 && i <= layers.size();
    if (is_layer && is_weighted(layers[i - 1].kind)) {
      set_bounds(traffic, layers[i - 1], static_cast<int>(i), plan,
                 words_of(experiment.device.buffer));
    }
    if (is_layer || traffic.words() + traffic.once > Words(0)) result.push_back(traffic);
  }
  return result;
}

std::string layer_traffic_text(const std::vector<LayerTraffic>& layers) {
  Table table = text_table(columns(), layers);
  Words forward, rest, once;
  for (const LayerTraffic& layer : layers) {
    forward += layer.forward;
    rest += layer.rest;
    once += layer.once;
  }
  table.add_rule();
  table.add({"sum", grouped(forward.count()), "", grouped(rest.count()), "",
             grouped((forward + rest).count()), grouped(once.count())});
  return "\nWords for each layer's operations (DRAM), beside what they move at least\n" +
         table.text() +
         "  Alone at least: a lower bound on the layer's forward product, and on its gradients\n"
         "  together, when each runs by itself from and to memory in this buffer. What is joined "
         "or\n"
         "  kept on chip may stay below it. None (-) for gradients of layers that pool, whose "
         "errors\n"
         "  are sparse, and where operands are made on chip or carried by the host.\n"
         "  Every word once: no schedule avoids it.\n";
}

Json layer_traffic_json(const std::vector<LayerTraffic>& layers) {
  return json_rows(columns(), layers);
}

}  // namespace spillway::analysis
