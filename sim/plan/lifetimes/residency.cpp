#include "sim/plan/lifetimes/residency.hpp"

namespace spillway::sim {

using workloads::Step;

bool is_whole(const Residency& residency, const Step& step) {
  return residency.count == step.tensor(residency.tensor).shape[0];
}

models::Tile tile_of(const Residency& residency, const Step& step) {
  models::Tile tile = models::whole_tensor(residency.tensor, step.tensor(residency.tensor).shape);
  tile.box[0].end = residency.count;
  return tile;
}

Words words_of(const Residency& residency, const Step& step) {
  const workloads::Bytes element = step.tensor(residency.tensor).element;
  return workloads::words_of(element * tile_of(residency, step).elements());
}

}  // namespace spillway::sim
