// What loops move in closed form is what the program of their nest loads and stores, whatever the
// tiles and the order, also those that no search would choose.
#include <doctest/doctest.h>

#include <algorithm>
#include <set>

#include "sim/plan/allocation/memory_map.hpp"
#include "sim/plan/allocation/schedule_placement.hpp"
#include "sim/plan/emission/booking.hpp"
#include "sim/plan/emission/schedule_program.hpp"
#include "sim/plan/mapping/candidates.hpp"
#include "sim/plan/mapping/nest_builder.hpp"
#include "sim/plan/mapping/nest_shape.hpp"
#include "sim/plan/operations/phases.hpp"
#include "sim/plan/schedule.hpp"
#include "tests/support/build.hpp"
#include "workloads/support/splitmix.hpp"

namespace spillway::nest_moves_test {

using sim::Axis;

namespace {

/// A convolution on top of another, so that it has all three products.
sim::Experiment convolution(workloads::ImageShape input, std::int64_t kernel, std::int64_t padding,
                            std::int64_t stride) {
  workloads::LayerSpec below = test::conv(input.channels, 1), layer = test::conv(3, kernel);
  layer.stride = {stride, stride};
  layer.padding = {padding, padding};
  layer.padding_mode = workloads::PaddingMode::explicit_size;
  return test::experiment(workloads::make_network("products", input, 3, {below, layer}), "bp", 3);
}

/// Where some slots follow an axis's outer loop alone, or one of them comes in pieces, the axis may
/// have an inner loop, too, inside of all others. Its tiles make up the outer one's, of which the
/// last may be shorter.
void add_inner_loops(const sim::NestSpec& spec, std::vector<sim::Loop>& loops,
                     workloads::SplitMix& numbers) {
  const auto add = [&](Axis axis) {
    const auto outer = std::find_if(loops.begin(), loops.end(),
                                    [&](const sim::Loop& loop) { return loop.axis == axis; });
    if (outer == loops.end() || outer->tile == 1 || numbers.below(4) == 0) return;
    std::int64_t tile = 0;
    do {
      tile = 1 + static_cast<std::int64_t>(numbers.below(static_cast<std::uint64_t>(outer->tile)));
    } while (outer->tile % tile != 0 && outer->tile != spec.extent[sim::index(axis)]);
    loops.push_back({axis, tile});
  };
  if (spec.split) add(*spec.split);
  for (const sim::NestSpec::Pieces& pieces : spec.pieces) add(pieces.axis);
}

/// Loops in random order and with random tiles.
std::vector<sim::Loop> random_loops(const sim::NestSpec& spec, workloads::SplitMix& numbers) {
  std::vector<sim::Loop> loops;
  for (const Axis axis : {Axis::example, Axis::depth, Axis::row, Axis::column, Axis::output,
                          Axis::input, Axis::group}) {
    const std::int64_t extent = spec.extent[sim::index(axis)];
    if (extent == 1 || numbers.below(4) == 0) continue;
    loops.push_back(
        {axis, 1 + static_cast<std::int64_t>(numbers.below(static_cast<std::uint64_t>(extent)))});
  }
  numbers.shuffle(loops);
  add_inner_loops(spec, loops, numbers);
  return loops;
}

/// A part of each tensor that may stand so, as the loops of a nest allow it, stands in the buffer
/// for the nest, or none of it does.
sim::Schedule with_parts(const sim::Nest& nest, workloads::SplitMix& numbers) {
  sim::Schedule schedule{{nest}, {}};
  for (std::size_t s = 0; s < nest.spec.slots.size(); ++s) {
    const sim::Slot& slot = nest.spec.slots[s];
    if (!can_be_resident_in_part(slot) || numbers.below(3) == 0) continue;
    std::vector<std::int64_t> counts;
    for (std::int64_t count = 1; count < slot.dims[0].extent; ++count) {
      if (is_cut_at(count, slot, nest.spec, nest.loops)) counts.push_back(count);
    }
    if (counts.empty()) continue;
    const std::int64_t count = counts[numbers.below(counts.size())];
    schedule.nests[0].resident[s] = count;
    using Begin = sim::Residency::Begin;
    const bool loads = slot.source == sim::Slot::Source::outside;
    schedule.residencies.push_back({slot.tensor, count, 0, 0, loads ? Begin::load : Begin::make,
                                    slot.changed && slot.wanted, workloads::Words(0)});
  }
  return schedule;
}

std::string text(const std::vector<sim::Loop>& loops) {
  std::string result;
  for (const sim::Loop& loop : loops) {
    result += to_string(loop.axis) + " by " + std::to_string(loop.tile) + ", ";
  }
  return result;
}

std::uint64_t planned(const sim::Schedule& schedule, const workloads::Step& step) {
  std::uint64_t words = 0;
  for (const sim::ScheduledMove& move : moves_of(schedule, step)) words += move.size.words.count();
  return words;
}

std::uint64_t moved_by_program(const sim::Schedule& schedule, const workloads::Step& step,
                               const models::MemoryMap& map) {
  sim::Ledger ledger;
  const sim::ScheduleLines lines = book(schedule, step, map, ledger);
  sim::ScheduleProgram program(schedule, step, lines, {});
  std::uint64_t words = 0;
  const auto add = [&](const models::BufferedTile& tile) {
    const workloads::Tensor& tensor = step.tensor(tile.tile.tensor);
    words += models::tile_size(tile.tile, tensor.shape, tensor.element).words.count();
  };
  while (const auto instruction = program.next()) {
    if (const auto* load = std::get_if<models::Load>(&*instruction)) add(load->tile);
    if (const auto* store = std::get_if<models::Store>(&*instruction)) add(store->tile);
  }
  return words;
}

}  // namespace

TEST_CASE("any loops of a product move what their closed form says, whatever stands") {
  workloads::SplitMix numbers(20261126);
  int compared = 0, kept = 0, parts = 0, inner = 0;
  // Windows larger than the map, whose tiles may all be the same box, are among them.
  for (const auto& [size, kernel, padding, stride] : std::vector<std::array<std::int64_t, 4>>{
           {4, 5, 2, 1}, {6, 7, 3, 1}, {5, 7, 3, 1}, {6, 3, 1, 1}, {7, 3, 1, 2}, {6, 2, 0, 2}}) {
    const sim::Experiment experiment =
        convolution({2, size, size == 6 ? 5 : size}, kernel, padding, stride);
    const workloads::Step step = sim::training_step(experiment);
    const models::MemoryMap map =
        sim::place_tensors(step, experiment.idealisations, experiment.device);
    const sim::NestBuilder builder(step, sim::CountedWords(map));
    const auto compare = [&](const sim::NestRequest& request) {
      for (const sim::NestSpec& spec : choice_of(builder, request)) {
        for (int tries = 0; tries < 150; ++tries) {
          sim::Nest nest{
              spec, random_loops(spec, numbers), sim::ResidentPrefixes(spec.slots.size()), {}, {}};
          sim::NestShape shape(nest.spec);
          shape.set(nest.loops, nest.parts);
          if (!shape.is_legal()) continue;
          for (std::size_t s = 0; s < spec.slots.size(); ++s) kept += shape.keeps(s);
          std::set<Axis> axes;
          for (const sim::Loop& loop : nest.loops) axes.insert(loop.axis);
          inner += axes.size() < nest.loops.size();
          sim::Schedule schedule = with_parts(nest, numbers);
          parts += static_cast<int>(schedule.residencies.size());
          REQUIRE(place(schedule, step, workloads::Words(1 << 20)));
          ++compared;
          CAPTURE(request.name);
          CAPTURE(size);
          CAPTURE(kernel);
          CAPTURE(text(nest.loops));
          CHECK(moved_by_program(schedule, step, map) == planned(schedule, step));
        }
      }
    };
    for (std::size_t op = 0; op < step.ops.size(); ++op) {
      if (step.ops[op].layer != 2 || !step.ops[op].kernel.contract().is_product()) continue;
      sim::NestRequest request;
      request.name = workloads::kernel_name(step.ops[op].kernel);
      request.main = {sim::OpPart(op)};
      compare(request);
      // A weight gradient with the updates that follow it, which wait for all of its sum.
      for (std::size_t next = op + 1;
           next < step.ops.size() && step.ops[next].phase == workloads::Phase::update &&
           step.ops[op].phase == workloads::Phase::backward;
           ++next) {
        request.after.emplace_back(next);
      }
      if (!request.after.empty()) compare(request);
    }
  }
  CHECK(compared > 2000);
  CHECK(kept > 100);
  CHECK(parts > 500);
  CHECK(inner > 500);
}

}  // namespace spillway::nest_moves_test
