// The residencies of a schedule, as its program goes.
#pragma once

#include <cstddef>
#include <deque>
#include <map>
#include <vector>

#include "models/instruction.hpp"
#include "sim/plan/emission/booking.hpp"
#include "sim/plan/schedule.hpp"

namespace spillway::sim {

/// The schedule's residencies from begin to end, and the instructions that bring them in and take
/// them out again. Everything that is given has to outlive it.
class Residents {
 public:
  Residents(const Schedule& schedule, const workloads::Step& step, const ScheduleLines& lines,
            std::deque<models::Instruction>& out)
      : schedule_(schedule), step_(step), lines_(lines), out_(out) {}

  /// The residencies that begin at a time have their places from then on; nothing is moved yet.
  void begin(std::size_t time);
  /// Stores the residencies that end at a time, where their values are wanted, and frees their
  /// places.
  void end(std::size_t time);

  bool has(workloads::TensorId id) const { return by_tensor_.contains(id); }
  /// The place of a tensor, whether it has been brought in or not.
  const models::BufferedTile& place(workloads::TensorId id) const { return by_tensor_.at(id).tile; }
  /// Its tile, as an input: loaded at the first use, unless it was made there.
  const models::BufferedTile& bring(workloads::TensorId id);
  /// Its tile, as an output.
  const models::BufferedTile& make(workloads::TensorId id);

 private:
  struct Resident {
    models::BufferedTile tile;
    std::size_t residency = 0;
    bool valid = false, changed = false;
  };

  const Schedule& schedule_;
  const workloads::Step& step_;
  const ScheduleLines& lines_;
  std::deque<models::Instruction>& out_;
  std::map<workloads::TensorId, Resident> by_tensor_;
};

/// A generated tensor's tile as it streams into the array; `place` is where its seeds lie.
template <class Place>
models::Streamed streamed(const workloads::Generated& made, const models::Tile& tile,
                          const Place& place) {
  models::Streamed result{tile, place(made.seed), {}, made.values};
  if (made.sign_seed) result.sign_seed = place(*made.sign_seed);
  return result;
}

}  // namespace spillway::sim
