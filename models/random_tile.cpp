#include "models/random_tile.hpp"

#include "models/lfsr.hpp"

namespace spillway::models {

RandomWork random_work(const Tile& tile, const TensorPlacement& place,
                       const workloads::RandomValues& values) {
  const std::uint64_t per_clock = elements_per_clock(values);
  RandomWork work;
  for_each_run(tile, place.shape, Bytes(1), [&](const Run& run) {
    const std::uint64_t first = run.offset, end = first + run.size.count();
    work.clocks += Cycles(workloads::ceil_div(end, per_clock) - first / per_clock);
    work.words += workloads::words_of(place.element * run.size.count());
  });
  return work;
}

void make_random_tile(const Tile& tile, const TensorPlacement& place,
                      const workloads::RandomValues& values, std::uint64_t seed,
                      std::optional<std::uint64_t> sign_seed, std::span<std::byte> bytes) {
  for_each_run(tile, place.shape, place.element, [&](const Run& run) {
    generate_values(values, seed, sign_seed, run.offset / place.element.count(),
                    bytes.first(run.size.count()));
    bytes = bytes.subspan(run.size.count());
  });
}

}  // namespace spillway::models
