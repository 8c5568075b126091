// Operands that are parts of tiles, and operands that the PRNG unit streams into the array.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstring>

#include "models/lfsr.hpp"
#include "tests/support/device_programs.hpp"
#include "workloads/kernels/operations.hpp"
#include "workloads/kernels/runner.hpp"
#include "workloads/support/splitmix.hpp"

namespace spillway::views_test {

using models::BufferedTile;
using models::Compute;
using models::Execution;
using models::Free;
using models::Generate;
using models::Instruction;
using models::Load;
using models::MemoryMap;
using models::Port;
using models::Range;
using models::Store;
using models::Streamed;
using models::Tile;
using models::TileView;
using test::Bench;
using test::box;
using workloads::Bytes;
using workloads::SplitMix;

namespace {

std::vector<float> numbered(std::size_t count) {
  std::vector<float> values(count);
  for (std::size_t i = 0; i < count; ++i) values[i] = static_cast<float>(i);
  return values;
}

}  // namespace

TEST_CASE("a kernel on parts of tiles computes what it does on tiles of their own") {
  Bench bench({{6, 8}, {5, 9}, {3, 3}});
  bench.fill(0, numbered(48));
  bench.fill(1, numbered(45));
  const Tile x = box(0, {{2, 5}, {2, 6}}), w = box(1, {{1, 4}, {3, 7}});
  const BufferedTile y = bench.whole(2, 1000);
  const workloads::FcForward kernel{{3, 4, 3}};
  const BufferedTile all_x = bench.whole(0, 0), all_w = bench.whole(1, 400);
  bench.run({Load{all_x}, Load{all_w},
             Compute{kernel, {TileView(all_x, x), TileView(all_w, w)}, {y}}, Store{y}, Free{all_x},
             Free{all_w}, Free{y}});
  const std::vector<float> from_parts = bench.values(2);
  const BufferedTile own_x{x, 0}, own_w{w, 400};
  bench.run({Load{own_x}, Load{own_w}, Compute{kernel, {own_x, own_w}, {y}}, Store{y}, Free{own_x},
             Free{own_w}, Free{y}});
  CHECK(bench.values(2) == from_parts);
  CHECK(from_parts[0] == 18 * 12 + 19 * 13 + 20 * 14 + 21 * 15);
}

TEST_CASE("what a kernel does not write of a tile that it makes stays poison") {
  Bench bench({{4, 6}, {4, 6}});
  bench.fill(0, numbered(24));
  const BufferedTile x = bench.whole(0, 0), y = bench.whole(1, 512);
  const Tile part = box(1, {{1, 3}, {2, 5}});
  bench.run(
      {Load{x},
       Compute{workloads::Relu{6}, {TileView(x, box(0, {{1, 3}, {2, 5}}))}, {TileView(y, part)}},
       Store{y}, Free{x}, Free{y}});
  const std::vector<float> y_values = bench.values(1);
  for (std::size_t i = 0; i < 24; ++i) {
    const std::size_t row = i / 6, column = i % 6;
    CAPTURE(i);
    if (row >= 1 && row < 3 && column >= 2 && column < 5) {
      CHECK(y_values[i] == static_cast<float>(i));
    } else {
      CHECK(std::isnan(y_values[i]));
    }
  }
}

TEST_CASE("a part that is changed in place leaves the rest of its tile as it was") {
  Bench bench({{4, 6}, {2, 3}});
  bench.fill(0, numbered(24));
  bench.fill(1, std::vector<float>(6, 1));
  const BufferedTile p = bench.whole(0, 0), g = bench.whole(1, 512);
  const TileView part(p, box(0, {{2, 4}, {0, 3}}));
  bench.run({Load{p}, Load{g}, Compute{workloads::Update{6, 100.0, 0}, {part, g}, {part}}, Store{p},
             Free{p}, Free{g}});
  const std::vector<float> values = bench.values(0);
  for (std::size_t i = 0; i < 24; ++i) {
    const bool changed = i / 6 >= 2 && i % 6 < 3;
    CHECK(values[i] == static_cast<float>(i) - (changed ? 100.0f : 0.0f));
  }
}

TEST_CASE("a kernel that accumulates adds to the part that it writes and to nothing else") {
  Bench bench({{2, 2}, {2, 2}, {2, 4}});
  bench.fill(0, {1, 2, 3, 4});
  bench.fill(1, {1, 0, 0, 1});
  bench.fill(2, std::vector<float>(8, 10));
  const BufferedTile x = bench.whole(0, 0), w = bench.whole(1, 256), y = bench.whole(2, 512);
  const Compute add{
      workloads::FcForward{{2, 2, 2}, true}, {x, w}, {TileView(y, box(2, {{0, 2}, {1, 3}}))}};
  const auto run = [&](std::vector<Instruction> program) {
    program.insert(program.end(), {Store{y}, Free{x}, Free{w}, Free{y}});
    bench.run(program);
    return bench.values(2);
  };
  CHECK(run({Load{x}, Load{w}, Load{y}, add, add}) ==
        std::vector<float>{10, 12, 14, 10, 10, 16, 18, 10});
  CHECK(bench.failure({Load{x}, Load{w}, add}).find("t2 is absent") != std::string::npos);
}

TEST_CASE("one kernel may read and write different parts of one tile") {
  Bench bench({{4, 6}});
  bench.fill(0, numbered(24));
  const BufferedTile x = bench.whole(0, 0);
  const TileView from(x, box(0, {{0, 2}, {0, 6}})), to(x, box(0, {{1, 3}, {0, 6}}));
  bench.run({Load{x}, Compute{workloads::Relu{12}, {from}, {to}}, Store{x}, Free{x}});
  const std::vector<float> values = bench.values(0);
  for (std::size_t i = 0; i < 24; ++i) {
    CHECK(values[i] == static_cast<float>(i >= 6 && i < 18 ? i - 6 : i));
  }
}

namespace {

/// Random kernels on random parts of three resident maps, on a device and on plain arrays.
class RandomParts {
 public:
  explicit RandomParts(std::uint64_t seed) : numbers_(seed) {
    for (std::vector<float>& map : plain_) {
      map.resize(4 * 16 * 6 * 6);
      for (float& value : map) value = static_cast<float>(numbers_.uniform() - 0.5);
    }
    weights_.resize(16 * 16 * 9);
    for (float& value : weights_) value = static_cast<float>(numbers_.uniform() - 0.5) / 10;
    for (workloads::TensorId id = 0; id < 3; ++id) bench_.fill(id, plain_[id]);
    bench_.fill(3, weights_);
    for (workloads::TensorId id = 0; id < 4; ++id) {
      program_.push_back(Load{bench_.whole(id, id * address_step)});
    }
  }

  void add_kernel() {
    switch (numbers_.below(4)) {
      case 0: relu(); break;
      case 1: update(); break;
      default: convolve(); break;
    }
  }

  void run_and_compare() {
    for (workloads::TensorId id = 0; id < 4; ++id) {
      const BufferedTile tile = bench_.whole(id, id * address_step);
      if (changed_[id]) program_.push_back(Store{tile});
      program_.push_back(Free{tile});
    }
    bench_.run(program_);
    for (workloads::TensorId id = 0; id < 3; ++id) CHECK(bench_.values(id) == plain_[id]);
  }

 private:
  static constexpr std::uint64_t address_step = 16384;

  BufferedTile tile(workloads::TensorId id) { return bench_.whole(id, id * address_step); }
  Range range(std::int64_t size) {
    const auto begin = static_cast<std::int64_t>(numbers_.below(static_cast<std::uint64_t>(size)));
    const auto rest = static_cast<std::uint64_t>(size - begin);
    return {begin, begin + 1 + static_cast<std::int64_t>(numbers_.below(rest))};
  }
  /// All of a map now and then, some examples of it, or any box.
  Tile part(workloads::TensorId id) {
    Tile result{id, {Range{0, 4}, {0, 16}, {0, 6}, {0, 6}}};
    const std::uint64_t kind = numbers_.below(3);
    if (kind > 0) result.box[0] = range(4);
    if (kind > 1) {
      for (std::size_t i = 1; i < 4; ++i) result.box[i] = range(result.box[i].end);
    }
    return result;
  }
  workloads::TensorId any_map() { return static_cast<workloads::TensorId>(numbers_.below(3)); }

  template <class Visit>
  void for_each_element(const Tile& part, Visit visit) {
    const auto& b = part.box;
    for (std::int64_t n = b[0].begin; n < b[0].end; ++n) {
      for (std::int64_t c = b[1].begin; c < b[1].end; ++c) {
        for (std::int64_t y = b[2].begin; y < b[2].end; ++y) {
          for (std::int64_t x = b[3].begin; x < b[3].end; ++x) {
            visit(plain_[part.tensor][static_cast<std::size_t>(((n * 16 + c) * 6 + y) * 6 + x)]);
          }
        }
      }
    }
  }
  std::vector<float> gathered(const Tile& part) {
    std::vector<float> values;
    for_each_element(part, [&](float& value) { values.push_back(value); });
    return values;
  }
  void put_back(const Tile& part, const std::vector<float>& values) {
    std::size_t i = 0;
    for_each_element(part, [&](float& value) { value = values[i++]; });
    changed_[part.tensor] = true;
  }

  /// The kernel on both sides.
  void add(const workloads::Kernel& kernel, const std::vector<Tile>& inputs, const Tile& output,
           bool in_place) {
    std::vector<std::vector<float>> in;
    std::vector<models::Input> operands;
    for (const Tile& input : inputs) {
      in.push_back(input.tensor == 3 ? weights_ : gathered(input));
      operands.push_back(TileView(tile(input.tensor), input));
    }
    program_.push_back(Compute{kernel, operands, {TileView(tile(output.tensor), output)}});
    std::vector<const std::byte*> from;
    for (auto& values : in) from.push_back(reinterpret_cast<const std::byte*>(values.data()));
    std::vector<float> made(output.elements());
    std::vector<float>& result = in_place ? in[0] : made;
    auto* to = reinterpret_cast<std::byte*>(result.data());
    runner_.run(kernel, from, std::span(&to, 1));
    put_back(output, result);
  }

  void relu() {
    const Tile p = part(any_map());
    add(workloads::Relu{static_cast<std::int64_t>(p.elements())}, {p}, p, true);
  }
  void update() {
    const Tile p = part(any_map());
    Tile g = p;
    g.tensor = (p.tensor + 1) % 3;
    add(workloads::Update{static_cast<std::int64_t>(p.elements()), 0.5, 0}, {p, g}, p, true);
  }
  void convolve() {
    Tile x = part(any_map());
    for (std::size_t i = 1; i < 4; ++i) x.box[i] = {0, i == 1 ? 16 : 6};
    Tile y = x;
    y.tensor = (x.tensor + 1 + static_cast<workloads::TensorId>(numbers_.below(2))) % 3;
    const workloads::ImageShape image{16, 6, 6};
    const workloads::Window window{{3, 3}, {1, 1}, {1, 1}, {1, 1}};
    add(workloads::ConvForward{{x.box[0].size(), image, image, window, 1}},
        {x, box(3, {{0, 16}, {0, 16}, {0, 3}, {0, 3}})}, y, false);
  }

  SplitMix numbers_;
  Bench bench_{{{4, 16, 6, 6}, {4, 16, 6, 6}, {4, 16, 6, 6}, {16, 16, 3, 3}}, Bytes(128 * 1024)};
  std::array<std::vector<float>, 3> plain_;
  std::vector<float> weights_;
  std::array<bool, 4> changed_{};
  std::vector<Instruction> program_;
  workloads::KernelRunner runner_;
};

}  // namespace

TEST_CASE("random kernels on random parts of resident maps give the values of plain arrays") {
  for (std::uint64_t seed = 1; seed <= 30; ++seed) {
    CAPTURE(seed);
    RandomParts parts(seed);
    for (int i = 0; i < 40; ++i) parts.add_kernel();
    parts.run_and_compare();
  }
}

TEST_CASE("a part takes as much of the buffer port's time as its own bytes") {
  Bench bench({{1000}, {1000}}, Bytes(8192));
  bench.device.buffer_port = Bytes(1);
  bench.fill(0, numbered(1000));
  const BufferedTile x = bench.whole(0, 0), y = bench.whole(1, 4000);
  const Execution execution = bench.run({Load{x},
                                         Compute{workloads::Relu{100},
                                                 {TileView(x, box(0, {{0, 100}}))},
                                                 {TileView(y, box(1, {{50, 150}}))}},
                                         Free{x}, Free{y, true}});
  CHECK(execution.busy.compute == bench.device.clock_period * 800);
}

TEST_CASE("a part outside its tile and an operand of another size are refused") {
  Bench bench({{4, 6}, {4, 6}});
  const BufferedTile x{box(0, {{0, 2}, {0, 6}}), 0}, y = bench.whole(1, 512);
  const auto relu = [&](const models::Tile& from, std::int64_t elements) {
    return bench.failure({Load{x}, Compute{workloads::Relu{elements}, {TileView(x, from)}, {y}}});
  };
  CHECK(relu(box(0, {{1, 3}, {0, 6}}), 12).find("t0[1:3, 0:6] is no part of t0[0:2, 0:6]") !=
        std::string::npos);
  CHECK(relu(box(1, {{0, 1}, {0, 6}}), 6).find("is no part of") != std::string::npos);
  CHECK(relu(box(0, {{1, 1}, {0, 6}}), 0).find("is no part of") != std::string::npos);
  CHECK(relu(box(0, {{0, 1}, {0, 6}}), 12).find("t0[0:1, 0:6] has 24 bytes; its kernel takes 48") !=
        std::string::npos);
  const std::string count = bench.failure({Load{x}, Compute{workloads::Relu{12}, {x, x}, {x}}});
  CHECK(count.find("it has 2 operands on one side; its kernel takes 1 to 1") != std::string::npos);
}

namespace {

/// A tensor 0 of random values, seeds at the host in tensors 1 and 2, a result in tensor 3.
Bench random_bench(const workloads::TensorShape& shape, Bytes element,
                   const workloads::TensorShape& result) {
  Bench bench({shape, {1}, {1}, result});
  bench.map[0].element = element;
  bench.map[1].port = bench.map[2].port = Port::host;
  bench.seeds = {{1, 77}, {2, 5}};
  return bench;
}

}  // namespace

TEST_CASE("streamed values are those that are generated in the buffer and take no space there") {
  const workloads::RandomValues values{workloads::Distribution::gaussian, 0.25, 0};
  const Tile part = box(0, {{3, 9}, {2, 7}});
  for (const bool signs : {false, true}) {
    Bench bench = random_bench({20, 13}, Bytes(4), {6, 5});
    const BufferedTile seed = bench.whole(1, 0), sign = bench.whole(2, 4), y = bench.whole(3, 64),
                       made{part, 512};
    std::optional<BufferedTile> sign_seed;
    if (signs) sign_seed = sign;
    const workloads::Relu kernel{30};
    const Execution streamed = bench.run(
        {Load{seed}, Load{sign}, Compute{kernel, {Streamed{part, seed, sign_seed, values}}, {y}},
         Free{seed}, Free{sign}, Store{y}, Free{y}});
    const std::vector<float> found = bench.values(3);
    const Execution generated =
        bench.run({Load{seed}, Load{sign}, Generate{made, seed, sign_seed, values},
                   Compute{kernel, {made}, {y}}, Free{seed}, Free{sign}, Store{y}, Free{y},
                   Free{made, true}});
    CHECK(found == bench.values(3));
    CHECK(streamed.generated_words == 30);
    CHECK(generated.generated_words == 30);
    CHECK(streamed.busy.generate == generated.busy.generate);
    CHECK(streamed.high_water < generated.high_water);
    CHECK(streamed.time < generated.time);
  }
}

TEST_CASE("a streamed mask drops what the mask in the buffer drops") {
  const workloads::RandomValues values{workloads::Distribution::mask, 0, 0.5};
  Bench bench = random_bench({4, 9}, Bytes(1), {2, 9});
  const BufferedTile seed = bench.whole(1, 0), y = bench.whole(3, 64);
  bench.fill(3, std::vector<float>(18, 1));
  const Tile part = box(0, {{1, 3}, {0, 9}});
  bench.run({Load{seed}, Load{y},
             Compute{workloads::Dropout{18, 2}, {y, Streamed{part, seed, {}, values}}, {y}},
             Store{y}, Free{seed}, Free{y}});
  std::vector<std::byte> mask(18);
  models::generate_values(values, 77, {}, 9, mask);
  const std::vector<float> found = bench.values(3);
  for (std::size_t i = 0; i < 18; ++i) CHECK(found[i] == (mask[i] == std::byte{1} ? 2.0f : 0.0f));
}

TEST_CASE(
    "a kernel waits for the values that are streamed to it and the unit does one thing at once") {
  const workloads::RandomValues values{workloads::Distribution::uniform, 0.25, 0};
  Bench bench = random_bench({1000}, Bytes(4), {1000});
  const BufferedTile seed = bench.whole(1, 0), y = bench.whole(3, 64), made = bench.whole(0, 4096);
  bench.device.buffer = Bytes(8192);
  const Compute stream{
      workloads::Relu{1000}, {Streamed{bench.whole(0, 0).tile, seed, {}, values}}, {y}};
  const Execution alone = bench.run({Load{seed}, stream, Free{seed}, Free{y, true}});
  CHECK(alone.busy.generate == bench.device.clock_period * 100);
  CHECK(alone.busy.compute < alone.busy.generate);
  CHECK(alone.time >= alone.busy.generate);
  const Execution both = bench.run({Load{seed}, stream, Generate{made, seed, {}, values},
                                    Free{seed}, Free{y, true}, Free{made, true}});
  CHECK(both.busy.generate == bench.device.clock_period * 200);
  CHECK(both.time >= both.busy.generate);
  CHECK(bench.failure({stream}).find("t1 is absent") != std::string::npos);
}

}  // namespace spillway::views_test
