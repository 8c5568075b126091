#include "sim/plan/emission/residents.hpp"

namespace spillway::sim {

using models::BufferedTile;
using workloads::TensorId;

void Residents::begin(std::size_t time) {
  for (std::size_t i = 0; i < schedule_.residencies.size(); ++i) {
    const Residency& residency = schedule_.residencies[i];
    if (residency.first != time) continue;
    const BufferedTile tile{tile_of(residency, step_), bytes_of(residency.address).count()};
    by_tensor_[residency.tensor] = {tile, i, false, false};
  }
}

void Residents::end(std::size_t time) {
  for (const Residency& residency : schedule_.residencies) {
    if (residency.last != time) continue;
    const Resident& resident = by_tensor_.at(residency.tensor);
    if (!resident.valid) continue;
    const bool stored = resident.changed && residency.stored;
    if (stored) {
      out_.push_back(models::Store{resident.tile, lines_.residencies[resident.residency].store});
    }
    out_.push_back(models::Free{resident.tile, resident.changed && !stored});
    by_tensor_.erase(residency.tensor);
  }
}

const BufferedTile& Residents::bring(TensorId id) {
  Resident& resident = by_tensor_.at(id);
  if (!resident.valid) {
    out_.push_back(models::Load{resident.tile, lines_.residencies[resident.residency].load});
    resident.valid = true;
  }
  return resident.tile;
}

const BufferedTile& Residents::make(TensorId id) {
  Resident& resident = by_tensor_.at(id);
  resident.valid = resident.changed = true;
  return resident.tile;
}

}  // namespace spillway::sim
