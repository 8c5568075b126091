#include "sim/plan/reports/layer_words.hpp"

#include <algorithm>

#include "sim/plan/emission/booking.hpp"
#include "sim/plan/lifetimes/op_needs.hpp"
#include "workloads/step_needs.hpp"

namespace spillway::sim {

using workloads::Lifetime;
using workloads::Op;
using workloads::Phase;
using workloads::Step;
using workloads::Tensor;
using workloads::TensorId;

namespace {

class Sums {
 public:
  explicit Sums(const Plan& plan) : plan_(plan), sums_(plan.step().layer_names.size()) {}

  void add(std::size_t op, TensorId tensor, Words words) {
    if (plan_.map().at(tensor).port != models::Port::dram) return;
    const Op& for_op = plan_.step().ops[op];
    LayerWords& layer = sums_[static_cast<std::size_t>(for_op.layer)];
    (for_op.phase == Phase::forward ? layer.forward : layer.rest) += words;
  }
  std::vector<LayerWords> sums() && { return std::move(sums_); }

 private:
  const Plan& plan_;
  std::vector<LayerWords> sums_;
};

}  // namespace

std::vector<LayerWords> words_by_layer(const Plan& plan) {
  Sums sums(plan);
  for (const ScheduledMove& move : moves_of(plan.schedule(), plan.step())) {
    sums.add(move.op, move.tensor, move.size.words);
  }
  return std::move(sums).sums();
}

std::vector<Words> words_once(const Plan& plan) {
  const Step& step = plan.step();
  std::vector<Words> result(step.layer_names.size());
  for (const Tensor& tensor : step.tensors) {
    if (plan.map().at(tensor.id).port != models::Port::dram || tensor.generated) continue;
    const auto has = [&](const std::vector<TensorId>& ids) {
      return std::ranges::find(ids, tensor.id) != ids.end();
    };
    std::optional<int> layer;
    bool read = false, written = false;
    for (const Op& op : step.ops) {
      const OpNeeds needs = op_needs(step, op);
      if (!layer && (has(needs.reads) || has(needs.writes))) layer = op.layer;
      read |= has(needs.reads);
      written |= has(needs.writes);
    }
    if (!layer) continue;
    const bool is_images = tensor.kind == workloads::TensorKind::input_images;
    const Words words =
        is_images ? Words(workloads::values_needed(step, tensor.id)) : words_of(tensor.bytes());
    const auto at = static_cast<std::size_t>(tensor.layer == 0 ? *layer : tensor.layer);
    if (tensor.is_given() && read) result[at] += words;
    const bool kept = tensor.lifetime == Lifetime::parameter || tensor.lifetime == Lifetime::output;
    if (kept && written) result[at] += words;
  }
  return result;
}

}  // namespace spillway::sim
