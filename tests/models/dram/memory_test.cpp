// Several channels behind one address space.
#include <doctest/doctest.h>

#include <algorithm>
#include <random>
#include <vector>

#include "models/dram/channel.hpp"
#include "models/dram/energy.hpp"
#include "models/dram/traces/pattern.hpp"

namespace spillway::memory_test {

using namespace spillway::models::dram;

TEST_CASE("channels share a stream and multiply its rate") {
  DramDevice device = dram_device("ddr4-2400");
  constexpr std::uint64_t transactions = 500, bursts = 128;
  std::uint64_t alone = 0;
  for (const std::uint32_t channels : {1u, 2u, 4u, 8u}) {
    device.channels = channels;
    Memory memory(device);
    for (std::uint64_t i = 0; i < transactions; ++i) {
      memory.transfer({i * bursts * 64, false, 0}, bursts);
    }
    const std::uint64_t finish = memory.drain();
    if (channels == 1) alone = finish;
    CAPTURE(channels);
    CHECK(memory.statistics().reads == transactions * bursts);
    const double speedup = static_cast<double>(alone) / static_cast<double>(finish);
    CHECK(speedup > 0.95 * channels);
    CHECK(speedup < 1.05 * channels);
  }
}

TEST_CASE("a run of addresses reaches all channels at once and later requests wait for it") {
  DramDevice device = dram_device("hbm2-2000");
  Pattern alone("a_seq_rd", spillway::workloads::Bytes(1 << 20), device.timing.burst);
  const std::uint64_t one = Memory(device).serve(alone);
  device.channels = 8;
  Pattern shared("a_seq_rd", spillway::workloads::Bytes(8 << 20), device.timing.burst);
  const std::uint64_t eight = Memory(device).serve(shared);
  CHECK(static_cast<double>(eight) < 1.1 * static_cast<double>(one));
  // The first channel has no more than a row of the run; the last has a long way to go.
  Memory memory(device);
  const std::uint64_t accepted = memory.submit_run({0, false, 0}, 4096);
  CHECK(accepted > 512);
  CHECK(memory.submit({std::uint64_t{1} << 26, false, 0}) >= accepted);
}

TEST_CASE("counts and energy of several channels are those of all of them") {
  DramDevice device = dram_device("ddr4-2400");
  DramDevice single = device;
  device.channels = 4;
  device.interleave_bytes = 256;
  Memory memory(device);
  std::vector<Channel> channels;
  for (std::uint32_t c = 0; c < device.channels; ++c) channels.emplace_back(single);
  std::mt19937_64 random(7);
  std::uint64_t finish = 0;
  for (int i = 0; i < 300; ++i) {
    // More of them in the first channels.
    const Request first{random() % (1 << 16) * 1024, random() % 2 == 0, 0};
    const std::uint64_t bursts = 1 + random() % 50;
    memory.transfer(first, bursts);
    for (std::uint64_t j = 0; j < bursts; ++j) {
      const std::uint64_t address = first.address + j * 64, block = address / 256;
      channels[block % 4].submit({block / 4 * 256 + address % 256, first.is_write, 0});
    }
  }
  for (Channel& channel : channels) finish = std::max(finish, channel.drain());
  REQUIRE(memory.drain() == finish);
  Statistics sum;
  Energy energy;
  for (const Channel& channel : channels) {
    const Statistics each = channel.statistics(finish);
    sum += each;
    const std::optional<Energy> part = energy_of(single, each);
    REQUIRE(part);
    energy.activate += part->activate;
    energy.read += part->read;
    energy.write += part->write;
    energy.refresh += part->refresh;
    energy.background += part->background;
  }
  CHECK(memory.statistics() == sum);
  const std::optional<Energy> whole = energy_of(device, memory.statistics());
  REQUIRE(whole);
  CHECK(whole->activate == doctest::Approx(energy.activate));
  CHECK(whole->read == doctest::Approx(energy.read));
  CHECK(whole->write == doctest::Approx(energy.write));
  CHECK(whole->refresh == doctest::Approx(energy.refresh));
  CHECK(whole->background == doctest::Approx(energy.background));
  CHECK(whole->total() == doctest::Approx(energy.total()));
}

TEST_CASE("a transfer over several channels moves each burst once") {
  DramDevice device = dram_device("hbm2-2000");
  device.channels = 4;
  std::mt19937_64 random(5);
  for (int round = 0; round < 200; ++round) {
    device.interleave_bytes = std::uint64_t{64} << random() % 6;
    Memory one(device), whole(device);
    const std::uint64_t first = random() % 1000 * 64, bursts = 1 + random() % 300;
    for (std::uint64_t i = 0; i < bursts; ++i) one.submit({first + i * 64, true, 0});
    whole.transfer({first, true, 0}, bursts);
    one.drain();
    whole.drain();
    REQUIRE(whole.statistics().writes == bursts);
    // The same rows were opened, since the same bursts went to the same channels.
    REQUIRE(whole.statistics().activates == one.statistics().activates);
  }
}

TEST_CASE("interleaved channels hold every burst of the address space once") {
  DramDevice device = dram_device("hbm2-2000");
  device.channels = 4;
  device.interleave_bytes = 256;
  Memory memory(device);
  for (std::uint64_t i = 0; i < 64; ++i) memory.submit({i * 64, true, 0});
  memory.drain();
  CHECK(memory.statistics().writes == 64);
  // Sixteen bursts a channel, in one row of each of four groups.
  CHECK(memory.statistics().activates == 4 * 4);
}

}  // namespace spillway::memory_test
