// Accesses to the on-chip buffer, against folds counted one by one and by hand, and their energy.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

#include "models/compute_array.hpp"
#include "models/energy/energy_model.hpp"
#include "tests/support/build.hpp"
#include "tests/support/device_programs.hpp"
#include "workloads/kernels/operations.hpp"
#include "workloads/support/shared_files.hpp"

namespace spillway::kernel_accesses_test {

using models::ArrayAccesses;
using models::BufferUser;
using models::ComputeArray;
using models::Dataflow;
using models::EnergyPart;
using models::Execution;
using models::Gemm;
using workloads::Bytes;
using workloads::Macs;

namespace {

/// Fold by fold, the rows and columns that each uses.
ArrayAccesses fold_by_fold(const Gemm& gemm, std::uint64_t rows, std::uint64_t columns,
                           Dataflow dataflow) {
  const bool output_stationary = dataflow == Dataflow::output_stationary;
  const std::uint64_t down = output_stationary ? gemm.m : gemm.k;
  ArrayAccesses sum;
  for (std::uint64_t product = 0; product < gemm.count; ++product) {
    for (std::uint64_t row = 0; row < down; row += rows) {
      for (std::uint64_t column = 0; column < gemm.n; column += columns) {
        const std::uint64_t r = std::min(rows, down - row), c = std::min(columns, gemm.n - column);
        if (output_stationary) {
          sum.left_reads += r * gemm.k;
          sum.right_reads += c * gemm.k;
          sum.sum_writes += r * c;
        } else {
          sum.left_reads += r * gemm.m;
          sum.right_reads += r * c;
          sum.sum_writes += gemm.m * c;
          if (row > 0) sum.sum_reads += gemm.m * c;
        }
      }
    }
  }
  return sum;
}

/// A conv layer of three 3 x 3 kernels over two maps of 4 x 4 with a border, for one example: as a
/// product m = 16, k = 18, n = 3.
workloads::ConvGeometry small_convolution() {
  workloads::LayerSpec spec = test::conv(3, 3);
  spec.padding = {1, 1};
  const workloads::Network network = workloads::make_network("n", {2, 4, 4}, 3, {spec});
  const workloads::Layer& layer = network.layers[0];
  return {1, layer.input, layer.before_pool, layer.window, layer.groups};
}

models::DeviceConfig small_device(Dataflow dataflow) {
  models::DeviceConfig device = test::paper_device(Bytes(32 << 10));
  device.array_rows = 4;
  device.array_columns = 2;
  device.dataflow = dataflow;
  device.buffer_port = Bytes(8);
  device.technology = models::read_technology(
      workloads::Config::from_file(workloads::shared_folder() / "models/technologies/45nm.yaml"));
  return device;
}

/// Input, weights and output of the convolution in DRAM; label 1 loads, 2 computes, 3 stores.
Execution run_convolution(const models::DeviceConfig& device, bool accumulate = false) {
  test::Bench bench({{1, 2, 4, 4}, {3, 2, 3, 3}, {1, 3, 4, 4}});
  bench.device = device;
  bench.fill(0, std::vector<float>(32, 1));
  bench.fill(1, std::vector<float>(54, 1));
  bench.fill(2, std::vector<float>(48, 1));
  const auto x = bench.whole(0, 0), w = bench.whole(1, 128), y = bench.whole(2, 512);
  std::vector<models::Instruction> program{models::Load{x, 0, 1}, models::Load{w, 0, 1}};
  if (accumulate) program.push_back(models::Load{y, 0, 1});
  const workloads::ConvForward kernel{small_convolution(), accumulate};
  program.push_back(models::Compute{kernel, {x, w}, {y}, false, 2});
  program.push_back(models::Store{y, 0, 3});
  for (const auto& tile : {x, w, y}) program.push_back(models::Free{tile});
  return bench.run(program);
}

}  // namespace

TEST_CASE("the array's accesses are those of its folds, for random products and arrays") {
  workloads::SplitMix numbers(20);
  for (int i = 0; i < 2000; ++i) {
    const Gemm gemm{1 + numbers.below(70), 1 + numbers.below(70), 1 + numbers.below(70),
                    1 + numbers.below(3)};
    const std::uint64_t rows = 1 + numbers.below(20), columns = 1 + numbers.below(20);
    for (const auto& [dataflow, name] : models::dataflow_names) {
      const ArrayAccesses counted = ComputeArray(rows, columns, dataflow).accesses(gemm);
      const ArrayAccesses expected = fold_by_fold(gemm, rows, columns, dataflow);
      CHECK(counted.left_reads == expected.left_reads);
      CHECK(counted.right_reads == expected.right_reads);
      CHECK(counted.sum_reads == expected.sum_reads);
      CHECK(counted.sum_writes == expected.sum_writes);
    }
  }
  const ArrayAccesses nothing = ComputeArray(4, 4, Dataflow::weight_stationary).accesses({0, 3, 3});
  CHECK(nothing.left_reads + nothing.right_reads + nothing.sum_reads + nothing.sum_writes == 0);
}

TEST_CASE("one convolution's MACs and accesses cost what a calculation by hand says") {
  const models::DeviceConfig device = small_device(Dataflow::output_stationary);
  const Execution execution = run_convolution(device);
  const models::BufferAccesses& buffer = execution.counts.buffer;
  // ceil(16 / 4) = 4 folds of rows and ceil(3 / 2) = 2 of columns, words of 4 bytes.
  CHECK(buffer.of(BufferUser::left) == models::Accesses{Bytes(16 * 18 * 2 * 4), Bytes(0)});
  CHECK(buffer.of(BufferUser::right) == models::Accesses{Bytes(18 * 3 * 4 * 4), Bytes(0)});
  CHECK(buffer.of(BufferUser::sums) == models::Accesses{Bytes(0), Bytes(48 * 4)});
  CHECK(buffer.of(BufferUser::vector_unit) == models::Accesses{});
  CHECK(buffer.of(BufferUser::dram) == models::Accesses{Bytes(48 * 4), Bytes((32 + 54) * 4)});
  CHECK(execution.counts.macs == Macs(16 * 18 * 3));

  // 45 nm: 4.6 pJ a MAC. 32 KiB of 64 bits: x = 5, y = 0.
  const double read = std::exp2(0.7335 + 0.6647 * 5 - 0.0077 * 25) / 8;
  const double write = std::exp2(1.7762 + 0.3912 * 5 + 0.0056 * 25) / 8;
  const models::EnergyModel model(device);
  const models::EnergyByPart energy = model.total(execution);
  CHECK(energy.of(EnergyPart::macs) == doctest::Approx(864 * 4.6));
  const int bytes_read = (576 + 216 + 48) * 4, bytes_written = (48 + 32 + 54) * 4;
  CHECK(energy.of(EnergyPart::buffer) ==
        doctest::Approx(bytes_read * read + bytes_written * write));
  CHECK(energy.of(EnergyPart::vector_unit) == 0);
  CHECK(energy.of(EnergyPart::prng) == 0);
  // 32 KiB at 0.0251 mW/MiB, 8 MACs and 2 lanes at 0.173 mW, two registers at 0.0161 mW.
  const double milliwatts = 0.0251 / 32 + 10 * 0.173 + 2 * 0.0161;
  CHECK(energy.of(EnergyPart::static_power) ==
        doctest::Approx(milliwatts * static_cast<double>(execution.time.count()) / 1000));

  // Label by label.
  const auto of_label = [&](std::size_t label) {
    return model.of(execution.by_work.at(label), execution);
  };
  CHECK(of_label(1).of(EnergyPart::buffer) == doctest::Approx(86 * 4 * write));
  CHECK(of_label(2).of(EnergyPart::buffer) ==
        doctest::Approx((576 + 216) * 4 * read + 48 * 4 * write));
  CHECK(of_label(3).of(EnergyPart::buffer) == doctest::Approx(48 * 4 * read));
  CHECK(of_label(2).of(EnergyPart::macs) == energy.of(EnergyPart::macs));
  CHECK(of_label(2).of(EnergyPart::dram_interface) == 0);
  // The input's 128 bytes and the weights' 216 lie in 2 and 4 bursts of 64, the output's in 3.
  CHECK(execution.by_work[1].counts.read_bursts == 6);
  CHECK(execution.by_work[3].counts.write_bursts == 3);
  CHECK(of_label(1).of(EnergyPart::dram_interface) ==
        doctest::Approx(6 * 64 * 8 * device.dram.io_pj_per_bit));

  // 3.12e-3 mm2/KiB, 11884 um2 a MAC and a lane, 1319 um2 a register.
  CHECK(model.area().buffer == doctest::Approx(32 * 3.12e-3));
  CHECK(model.area().macs == doctest::Approx(8 * 11884e-6));
  CHECK(model.area().vector_unit == doctest::Approx(2 * 11884e-6));
  CHECK(model.area().prng == doctest::Approx(2 * 1319e-6));
}

TEST_CASE("partial sums are read again where a product is cut along k") {
  const Execution folds = run_convolution(small_device(Dataflow::weight_stationary));
  // k = 18 in five folds of up to 4 rows.
  CHECK(folds.counts.buffer.of(BufferUser::sums) ==
        models::Accesses{Bytes(48 * 4 * 4), Bytes(48 * 5 * 4)});
  CHECK(folds.counts.buffer.of(BufferUser::right).read == Bytes(54 * 4));
  const Execution tiles = run_convolution(small_device(Dataflow::output_stationary), true);
  CHECK(tiles.counts.buffer.of(BufferUser::sums) == models::Accesses{Bytes(48 * 4), Bytes(48 * 4)});
}

TEST_CASE("element-wise work and random values are paid by element and by bit") {
  test::Bench bench({{100}, {100}, {100}, {1}});
  bench.device = small_device(Dataflow::output_stationary);
  bench.fill(0, std::vector<float>(100, 1));
  bench.fill(1, std::vector<float>(100, 1));
  bench.seeds[3] = 7;
  const auto p = bench.whole(0, 0), g = bench.whole(1, 400), m = bench.whole(2, 800),
             seed = bench.whole(3, 1200);
  const workloads::RandomValues values{workloads::Distribution::uniform, 0.25, 0};
  const Execution execution =
      bench.run({models::Load{p}, models::Load{g},
                 models::Compute{workloads::Update{100, 0.5f, 0.0f}, {p, g}, {p}}, models::Store{p},
                 models::Load{seed}, models::Generate{m, seed, std::nullopt, values},
                 models::Free{p}, models::Free{g}, models::Free{m, true}, models::Free{seed}});
  CHECK(execution.counts.elements == 100);
  CHECK(execution.counts.buffer.of(BufferUser::vector_unit) ==
        models::Accesses{Bytes(800), Bytes(400)});
  CHECK(execution.counts.buffer.of(BufferUser::prng) == models::Accesses{Bytes(0), Bytes(400)});
  CHECK(execution.counts.random_bits == 10 * 320);  // ten words a clock
  const models::EnergyByPart energy = models::EnergyModel(bench.device).total(execution);
  CHECK(energy.of(EnergyPart::vector_unit) == doctest::Approx(100 * 4.6));
  CHECK(energy.of(EnergyPart::prng) == doctest::Approx(3200 * 0.00276));
  CHECK(energy.of(EnergyPart::macs) == 0);
}

}  // namespace spillway::kernel_accesses_test
