// The DRAM channels as the engines see them: outstanding bursts, the grain, several channels, the
// end of a program.
#include <doctest/doctest.h>

#include <vector>

#include "models/device.hpp"
#include "models/dram/channel.hpp"
#include "tests/support/build.hpp"
#include "tests/support/device_programs.hpp"

namespace spillway::dram_port_test {

using models::BufferedTile;
using models::Compute;
using models::Device;
using models::DeviceConfig;
using models::Execution;
using models::Free;
using models::Instruction;
using models::Load;
using models::MemoryMap;
using models::Port;
using models::Store;
using workloads::Bytes;
using workloads::Picoseconds;
using workloads::Words;

namespace {

constexpr std::int64_t words = 64 * 1024;  // of a tensor: 256 KiB

DeviceConfig device_with(const std::string& dram) {
  DeviceConfig device = test::paper_device(Bytes(16u << 20));
  device.dram = models::dram::dram_device(dram);
  device.dram_chunk = Bytes(device.dram.grain_bytes);
  return device;
}

MemoryMap tensors(std::size_t count) {
  MemoryMap map;
  for (std::size_t i = 0; i < count; ++i) {
    map.push_back({"t" + std::to_string(i), {words}, Bytes(4), Port::dram, i * (1 << 20)});
  }
  return map;
}

BufferedTile at(workloads::TensorId tensor, const MemoryMap& map) {
  return {models::whole_tensor(tensor, map[tensor].shape),
          static_cast<std::uint64_t>(tensor) * words * 4};
}

Execution run(const DeviceConfig& config, const MemoryMap& map,
              const std::vector<Instruction>& program) {
  models::DeviceOptions options;
  options.values = false;
  Device device(config, options);
  return device.execute(map, test::pulled_from(program));
}

/// Load two tensors, change the first one and store it.
std::vector<Instruction> update(const MemoryMap& map) {
  const BufferedTile p = at(0, map), g = at(1, map);
  return {Load{p, 0},  Load{g, 0}, Compute{workloads::Update{words, 0.5f, 0.0f}, {p, g}, {p}},
          Store{p, 1}, Free{p},    Free{g}};
}

}  // namespace

TEST_CASE("a load takes as long as its bursts take the channel") {
  for (const std::string& name : models::dram::dram_device_names()) {
    CAPTURE(name);
    const DeviceConfig config = device_with(name);
    const MemoryMap map = tensors(1);
    const Execution execution = run(config, map, {Load{at(0, map), 0}, Free{at(0, map)}});
    models::dram::Channel channel(config.dram);
    channel.submit_run({0, false, 0}, words * 4 / 64);
    const std::uint64_t finish = channel.drain();
    const Picoseconds expected(
        workloads::ceil_div(finish * config.dram.timing.clock_period_fs, 1000));
    CHECK(execution.time == expected);
    CHECK(execution.dram.channel.reads == words * 4 / 64);
    CHECK(execution.dram.channel.finish == finish);
    CHECK(execution.dram.activates == channel.statistics().activates);
  }
}

TEST_CASE("each program finds the DRAM as at power-up") {
  models::DeviceOptions options;
  options.values = false;
  Device device(device_with("ddr4-2400"), options);
  const MemoryMap map = tensors(2);
  const Execution first = device.execute(map, test::pulled_from(update(map)));
  const Execution second = device.execute(map, test::pulled_from(update(map)));
  CHECK(first.time == second.time);
  CHECK(first.dram == second.dram);
}

TEST_CASE("writes that the channel still holds are part of a program's time") {
  for (const std::string& name : models::dram::dram_device_names()) {
    CAPTURE(name);
    const DeviceConfig config = device_with(name);
    const MemoryMap map = tensors(2);
    const Execution execution = run(config, map, update(map));
    CHECK(execution.dram.channel.writes == words * 4 / 64);
    CHECK(execution.dram.channel.finish * config.dram.timing.clock_period_fs >=
          execution.time.count() * 1000);
    // The bus was busy for every burst and its time is accounted for to the end.
    const models::dram::Statistics& s = execution.dram.channel;
    CHECK(s.busy == s.bursts() * config.dram.timing.burst);
    const std::uint64_t sum =
        s.busy + s.idle + s.lost_refresh + s.lost_turnaround + s.lost_row + s.lost_spacing;
    CHECK(sum >= s.finish);
    CHECK(sum <= s.finish + config.dram.timing.write_latency + config.dram.timing.burst);
  }
}

TEST_CASE("channels multiply the bandwidth of a load and move the same words") {
  DeviceConfig config = device_with("hbm2-2000");
  config.buffer_port = Bytes(4096);
  const MemoryMap map = tensors(1);
  double alone = 0;
  for (const std::uint32_t channels : {1u, 2u, 4u}) {
    CAPTURE(channels);
    config.dram.channels = channels;
    const Execution execution = run(config, map, {Load{at(0, map), 0}, Free{at(0, map)}});
    const double time = static_cast<double>(execution.time.count());
    if (channels == 1) alone = time;
    CHECK(execution.dram.read_words == Words(words));
    CHECK(execution.dram.channel.reads == words * 4 / 64);
    CHECK(alone / time > 0.85 * channels);
    CHECK(alone / time < 1.1 * channels);  // a shorter run meets fewer refreshes
  }
}

TEST_CASE("the grain of arbitration changes time and nothing that is counted") {
  DeviceConfig config = device_with("ddr4-2400");
  const MemoryMap map = tensors(4);
  // The store of one tensor beside the load of another.
  std::vector<Instruction> program = update(map);
  program.insert(program.begin() + 4, {Load{at(2, map), 0}, Load{at(3, map), 0}});
  program.insert(program.end(), {Free{at(2, map)}, Free{at(3, map)}});
  const Execution coarse = run(config, map, program);
  config.dram_chunk = Bytes(256);
  const Execution fine = run(config, map, program);
  CHECK(fine.dram.read_words == coarse.dram.read_words);
  CHECK(fine.dram.write_words == coarse.dram.write_words);
  CHECK(fine.dram.read_bytes == coarse.dram.read_bytes);
  CHECK(fine.dram.write_bytes == coarse.dram.write_bytes);
  CHECK(fine.time != coarse.time);
}

TEST_CASE("loads and stores share the channel") {
  const DeviceConfig config = device_with("ddr4-2400");
  const MemoryMap map = tensors(4);
  const Execution alone = run(config, map, update(map));
  std::vector<Instruction> program = update(map);
  program.insert(program.begin() + 4, {Load{at(2, map), 0}, Load{at(3, map), 0}});
  program.insert(program.end(), {Free{at(2, map)}, Free{at(3, map)}});
  const Execution both = run(config, map, program);
  // The loads take their time on the bus, and the store's bursts are among them.
  const std::uint64_t loads = 2 * words * 4 / 64 * config.dram.timing.burst;
  CHECK(both.dram.channel.finish > alone.dram.channel.finish);
  CHECK(both.dram.channel.finish < alone.dram.channel.finish + loads * 5 / 4);
  CHECK(both.dram.channel.lost_turnaround > 0);
}

}  // namespace spillway::dram_port_test
