#include "sim/plan/reports/layer_words.hpp"

#include <algorithm>

#include "sim/plan/emission/booking.hpp"
#include "sim/plan/lifetimes/op_needs.hpp"

namespace spillway::sim {

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

int layer_of_first_use(const Step& step, TensorId tensor) {
  const auto uses = [&](const Op& op) {
    const OpNeeds needs = op_needs(step, op);
    return std::ranges::count(needs.reads, tensor) + std::ranges::count(needs.writes, tensor) > 0;
  };
  return std::ranges::find_if(step.ops, uses)->layer;
}

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
    if (plan.map().at(tensor.id).port != models::Port::dram) continue;
    const Words once = words_once(step, tensor);
    if (once == Words(0)) continue;
    const int layer = tensor.layer == 0 ? layer_of_first_use(step, tensor.id) : tensor.layer;
    result[static_cast<std::size_t>(layer)] += once;
  }
  return result;
}

}  // namespace spillway::sim
