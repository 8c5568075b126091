// Small programs on a whole device.
#include "models/device.hpp"

#include <doctest/doctest.h>

#include <cstring>
#include <tuple>

#include "models/lfsr.hpp"
#include "tests/support/build.hpp"
#include "tests/support/device_programs.hpp"

namespace spillway::device_test {

using models::BufferedTile;
using models::Compute;
using models::Device;
using models::Execution;
using models::Free;
using models::Generate;
using models::Instruction;
using models::Load;
using models::MemoryMap;
using models::Port;
using models::Store;
using workloads::Bytes;
using workloads::Picoseconds;
using workloads::ProgramError;
using workloads::Words;

namespace {

/// Tensors 0, 1, 2 … of `words` floats each, in DRAM a burst-aligned stretch apart.
MemoryMap tensors(std::size_t count, std::int64_t words) {
  MemoryMap map;
  for (std::size_t i = 0; i < count; ++i) {
    map.push_back({"t" + std::to_string(i), {words}, Bytes(4), Port::dram, i * (1 << 20)});
  }
  return map;
}

BufferedTile at(workloads::TensorId tensor, const MemoryMap& map, std::uint64_t address) {
  return {models::whole_tensor(tensor, map[tensor].shape), address};
}

Execution run(Device& device, const MemoryMap& map, const std::vector<Instruction>& program) {
  return device.execute(map, test::pulled_from(program));
}

std::string failure(const MemoryMap& map, const std::vector<Instruction>& program,
                    Bytes buffer = Bytes(4096)) {
  Device device(test::paper_device(buffer));
  try {
    run(device, map, program);
  } catch (const ProgramError& error) {
    return error.what();
  }
  return "";
}

void fill(Device& device, const MemoryMap& map, workloads::TensorId tensor, float value) {
  const std::vector<float> values(static_cast<std::size_t>(map[tensor].shape[0]), value);
  device.dram().write(map[tensor].address, std::as_bytes(std::span(values)));
}

}  // namespace

TEST_CASE("values travel through load, compute and store") {
  Device device(test::paper_device(Bytes(4096)));
  const MemoryMap map = tensors(2, 100);
  fill(device, map, 0, 3);
  fill(device, map, 1, 2);
  const BufferedTile p = at(0, map, 0), g = at(1, map, 400);
  const Execution execution =
      run(device, map,
          {Load{p, 0}, Load{g, 1}, Compute{workloads::Update{100, 0.5f, 0.0f}, {p, g}, {p}},
           Store{p, 2}, Free{p}, Free{g}});
  float value = 0;
  device.dram().read(map[0].address + 99 * 4, std::as_writable_bytes(std::span(&value, 1)));
  CHECK(value == 2);
  CHECK(execution.dram.read_words == Words(200));
  CHECK(execution.dram.write_words == Words(100));
  CHECK(execution.by_label.at(1).words == Words(100));
  CHECK(execution.high_water == Bytes(800));
}

TEST_CASE("an engine's time is counted for the label of the instruction that it works on") {
  Device device(test::paper_device(Bytes(4096)));
  const MemoryMap map = tensors(2, 100);
  fill(device, map, 0, 3);
  fill(device, map, 1, 2);
  const BufferedTile p = at(0, map, 0), g = at(1, map, 400);
  const std::vector<Instruction> program{
      Load{p, 0, 1},
      Load{g, 0, 2},
      Compute{workloads::Update{100, 0.5f, 0.0f}, {p, g}, {p}, false, 3},
      Store{p, 0, 4},
      Free{p},
      Free{g}};
  run(device, map, program);  // times are of the program, not of the device
  const Execution execution = run(device, map, program);
  REQUIRE(execution.by_work.size() == 5);
  CHECK_FALSE(execution.by_work[0].any);
  const auto& [nobody, first, second, compute, store] =
      std::tie(execution.by_work[0], execution.by_work[1], execution.by_work[2],
               execution.by_work[3], execution.by_work[4]);
  CHECK(first.busy.load + second.busy.load == execution.busy.load);
  CHECK(first.busy.load > Picoseconds(0));
  CHECK(second.busy.compute == Picoseconds(0));
  CHECK(compute.busy.compute == execution.busy.compute);
  // 100 words in, 100 in and 100 out through a port of 256 bytes a cycle of 1 ns: 5 cycles.
  CHECK(compute.busy.compute == Picoseconds(5000));
  CHECK(store.busy.store == execution.busy.store);
  CHECK(first.first == Picoseconds(0));
  CHECK(first.last == first.busy.load);
  CHECK(second.first == first.last);
  CHECK(compute.first == second.last);
  CHECK(compute.last == compute.first + compute.busy.compute);
  CHECK(store.first == compute.last);
  CHECK(store.last <= execution.time);
  // An update is work of the vector unit, of 100 elements on lanes as many as the array's columns.
  const models::ComputeWork& parts = compute.compute;
  CHECK(parts.array == Picoseconds(0));
  CHECK(parts.macs == workloads::Macs(0));
  CHECK(parts.vector_unit > Picoseconds(0));
  CHECK(parts.vector_unit + parts.buffer_port == compute.busy.compute);
  CHECK(execution.compute.vector_unit == parts.vector_unit);
  // One after the other: what is active is what is busy.
  CHECK(first.active == first.busy.load);
  CHECK(first.transfers == first.busy.load);
  CHECK(compute.active == compute.busy.compute);
  CHECK(compute.transfers == Picoseconds(0));
  CHECK(execution.transfers == execution.busy.load + execution.busy.store);
}

TEST_CASE("a tile that is not whole bursts costs more bytes on the bus than words") {
  Device device(test::paper_device(Bytes(4096)));
  const MemoryMap map = tensors(1, 17);
  fill(device, map, 0, 1);
  const BufferedTile tile = at(0, map, 0);
  const Execution execution = run(device, map, {Load{tile, 0}, Free{tile}});
  CHECK(execution.dram.read_words == Words(17));
  CHECK(execution.dram.read_bytes == Bytes(128));
  // The two bursts lie in two groups of banks.
  CHECK(execution.dram.activates == 2);
  CHECK(execution.dram.row_hits == 0);
}

TEST_CASE("random weights are the LFSR's own and never touch the DRAM") {
  Device device(test::paper_device(Bytes(4096)));
  MemoryMap map = tensors(2, 95);
  map[1] = {"seed", {1}, Bytes(4), Port::host, 0};
  const std::uint32_t seed = 77;
  device.host().write(0, std::as_bytes(std::span(&seed, 1)));
  const BufferedTile m = at(0, map, 4), s = at(1, map, 0);
  const Execution execution =
      run(device, map,
          {Load{s, 0}, Generate{m, s, std::nullopt, {workloads::Distribution::uniform, 0.25, 0}},
           Store{m, 1}, Free{m}, Free{s}});
  std::vector<float> found(95), expected(95);
  device.dram().read(0, std::as_writable_bytes(std::span(found)));
  models::generate_uniform(seed, 0.25, 0, expected);
  CHECK(found == expected);
  CHECK(execution.dram.read_words == Words(0));
  CHECK(execution.host.read_words == Words(1));
  CHECK(execution.generated_words == 95);
  CHECK(execution.busy.generate.count() == 10 * 1000);  // ten words a clock of 1 ns
}

TEST_CASE("a load waits until the tile fits, and reading a store's data waits for the store") {
  Device device(test::paper_device(Bytes(800)));
  const MemoryMap map = tensors(3, 100);
  for (const workloads::TensorId tensor : {0u, 1u, 2u}) fill(device, map, tensor, 1);
  const BufferedTile p = at(0, map, 0), g = at(1, map, 400), other = at(2, map, 0);
  const Compute update{workloads::Update{100, 0.5f, 0.0f}, {p, g}, {p}};
  const Execution execution = run(device, map,
                                  {Load{p}, Load{g}, update, Store{p}, Free{p}, Load{other},
                                   Free{other}, Load{p}, update, Store{p}, Free{p}, Free{g}});
  float value = 5;
  device.dram().read(map[0].address, std::as_writable_bytes(std::span(&value, 1)));
  CHECK(value == 0);
  CHECK(execution.high_water == Bytes(800));
}

TEST_CASE("a program that breaks a rule is refused, naming the instruction and the tile") {
  const MemoryMap map = tensors(3, 100);
  const BufferedTile p = at(0, map, 0), g = at(1, map, 400);
  const Compute update{workloads::Update{100, 0.5f, 0.0f}, {p, g}, {p}};
  CHECK(failure(map, {Load{p}, update}).find("t1 is absent") != std::string::npos);
  CHECK(failure(map, {Load{p}, Load{p}}).find("load t0: it is resident") != std::string::npos);
  CHECK(failure(map, {Load{p}, Store{p}}).find("store t0: it is clean") != std::string::npos);
  CHECK(failure(map, {Load{p}, Load{g}, update, Free{p}}).find("changed and not stored") !=
        std::string::npos);
  CHECK(failure(map, {Load{p}, Load{g}, update, Free{p, true}, Free{g}}) == "");
  CHECK(failure(map, {Load{p}}).find("ends with 1 tile(s) on chip, first t0") != std::string::npos);
  CHECK(failure(map, {Free{p}}).find("free t0: t0 is absent") != std::string::npos);
}

TEST_CASE("space past the capacity cannot be had, and waiting for ever is a deadlock") {
  const MemoryMap map = tensors(3, 100);
  const std::string past = failure(map, {Load{at(0, map, 4)}}, Bytes(400));
  CHECK(past.find("needs 100 words at word 1, past the buffer's 100 words") != std::string::npos);
  const std::string deadlock =
      failure(map, {Load{at(0, map, 0)}, Load{at(1, map, 200)}}, Bytes(1000));
  CHECK(deadlock.find("deadlock: load t1: t1 needs 100 words at word 50; 150 of 250 words are "
                      "free") != std::string::npos);
}

TEST_CASE("the host port is free of time unless it has a bandwidth") {
  MemoryMap map = tensors(1, 1000);
  map[0].port = Port::host;
  models::DeviceConfig config = test::paper_device(Bytes(4096));
  config.buffer_port = Bytes(1 << 20);
  const auto time = [&] {
    Device device(config);
    const BufferedTile tile = at(0, map, 0);
    return run(device, map, {Load{tile}, Free{tile}}).time;
  };
  const auto free_of_time = time();
  config.host_bytes_per_ns = 2.0;
  CHECK(free_of_time <= config.clock_period);
  CHECK(time() == workloads::Picoseconds(2'000'000));  // 4000 bytes
}

TEST_CASE("what no memory holds is not transferred") {
  test::Bench bench({{8, 1}});
  bench.map[0].address = models::nowhere;
  const BufferedTile tile = bench.whole(0, 0);
  CHECK(bench.failure({Load{tile, 0}, Free{tile}}).find("no memory holds") != std::string::npos);
}

TEST_CASE("a run of bytes has the same words wherever transactions end") {
  for (const Port port : {Port::dram, Port::host}) {
    for (const std::int64_t length : {1, 2, 3, 5, 9}) {
      test::Bench bench({{40, 30}});
      bench.map[0].element = Bytes(1);
      bench.map[0].port = port;
      const BufferedTile tile{test::box(0, {{0, 40}, {7, 7 + length}}), 0};
      const Words words(40 * static_cast<std::uint64_t>((length + 3) / 4));
      CHECK(models::tile_size(tile.tile, bench.map[0].shape, Bytes(1)).words == words);
      std::optional<Bytes> bus;
      for (const std::uint64_t chunk : {64, 128, 8192}) {
        CAPTURE(length);
        CAPTURE(chunk);
        bench.device.dram_chunk = Bytes(chunk);
        const Execution execution = bench.run({Load{tile, 0}, Free{tile}});
        CHECK(execution.by_label[0].words == words);
        CHECK(execution.by_label[0].bytes == Bytes(40 * static_cast<std::uint64_t>(length)));
        CHECK(execution.dram.read_words + execution.host.read_words == words);
        // A burst is on the bus once for each run, too.
        if (!bus) bus = execution.dram.read_bytes;
        CHECK(execution.dram.read_bytes == *bus);
      }
    }
  }
}

}  // namespace spillway::device_test
