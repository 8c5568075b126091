#include "sim/plan/schedule.hpp"

namespace spillway::sim {

using workloads::Step;
using workloads::Tensor;

bool is_whole(const Stay& stay, const Step& step) {
  return stay.count == step.tensor(stay.tensor).shape[0];
}

models::Tile tile_of(const Stay& stay, const Step& step) {
  models::Tile tile = models::whole_tensor(stay.tensor, step.tensor(stay.tensor).shape);
  tile.box[0].end = stay.count;
  return tile;
}

std::uint64_t words_of(const Stay& stay, const Step& step) {
  const Tensor& tensor = step.tensor(stay.tensor);
  return workloads::words_of(tensor.element * tile_of(stay, step).elements()).count();
}

Schedule with_counts(const Schedule& schedule, const std::vector<std::int64_t>& counts) {
  Schedule result{schedule.nests, {}};
  for (std::size_t i = 0; i < counts.size(); ++i) {
    Stay stay = schedule.stays[i];
    stay.count = counts[i];
    for (std::size_t n = stay.first; n <= stay.last; ++n) {
      Nest& nest = result.nests[n];
      const std::size_t slot = nest.spec.slot_of(stay.tensor);
      if (slot < nest.spec.slots.size()) nest.standing[slot] = stay.count;
    }
    if (stay.count != 0) result.stays.push_back(stay);
  }
  return result;
}

bool is_cut_at(const Schedule& schedule, std::size_t stay, std::int64_t count) {
  const Stay& of = schedule.stays[stay];
  for (std::size_t n = of.first; n <= of.last; ++n) {
    const Nest& nest = schedule.nests[n];
    const std::size_t slot = nest.spec.slot_of(of.tensor);
    if (slot == nest.spec.slots.size()) continue;
    if (!is_cut_at(count, nest.spec.slots[slot], nest.spec, nest.loops)) return false;
  }
  return true;
}

}  // namespace spillway::sim
