// Where tensors lie in DRAM: no two at one place, each where its policy says.
#include "models/dram/placement.hpp"

#include <doctest/doctest.h>

#include <random>
#include <set>

#include "models/dram/channel.hpp"
#include "workloads/support/error.hpp"

namespace spillway::placement_test {

using namespace spillway::models::dram;

namespace {

DramDevice device_with(const char* name, Placement placement) {
  DramDevice device = dram_device(name);
  device.placement = placement;
  return device;
}

}  // namespace

TEST_CASE("tensors do not overlap and begin where their policy says") {
  std::mt19937_64 random(1);
  for (const std::string& name : dram_device_names()) {
    for (const Placement placement : {Placement::packed, Placement::row, Placement::staggered}) {
      const DramDevice device = device_with(name.c_str(), placement);
      Allocator allocator(device);
      std::uint64_t end = 0;
      for (int i = 0; i < 200; ++i) {
        const std::uint64_t bytes = 1 + random() % 100'000;
        const std::uint64_t address = allocator.place(bytes);
        REQUIRE(address >= end);
        const std::uint64_t unit = placement == Placement::packed ? device.geometry.burst_bytes
                                                                  : device.geometry.row_bytes();
        REQUIRE(address % unit == 0);
        end = address + bytes;
      }
    }
  }
}

TEST_CASE("packed tensors leave less than a burst between them") {
  Allocator allocator(device_with("ddr4-2400", Placement::packed));
  CHECK(allocator.place(100) == 0);
  CHECK(allocator.place(64) == 128);
  CHECK(allocator.place(1) == 192);
  CHECK(allocator.place(1) == 256);
}

TEST_CASE("staggered tensors that follow each other begin in different banks") {
  const DramDevice device = device_with("ddr4-2400", Placement::staggered);
  Allocator allocator(device);
  // A stream stays in one bank of each of four groups for 32 KiB and goes round four of them.
  std::vector<std::uint64_t> banks;
  for (int i = 0; i < 8; ++i) banks.push_back(allocator.place(1 << 20) / (32 << 10) % 4);
  CHECK(banks == std::vector<std::uint64_t>{0, 2, 1, 3, 0, 2, 1, 3});
}

TEST_CASE("staggered tensors are copied faster than tensors in the same banks") {
  const auto copy_time = [](Placement placement) {
    const DramDevice device = device_with("ddr4-2400", placement);
    Allocator allocator(device);
    constexpr std::uint64_t bytes = 1 << 20, chunk = 4096;
    const std::uint64_t from = allocator.place(bytes), to = allocator.place(bytes);
    Channel channel(device);
    for (std::uint64_t at = 0; at < bytes; at += chunk) {
      channel.submit_run({from + at, false, 0}, chunk / 64);
      channel.submit_run({to + at, true, 0}, chunk / 64);
    }
    return static_cast<double>(channel.drain());
  };
  // A MiB is a whole number of rounds through the banks, so that `row` puts both in the same ones.
  CHECK(copy_time(Placement::staggered) < 0.95 * copy_time(Placement::row));
}

TEST_CASE("tensors that a device has no room for are refused") {
  Allocator allocator(device_with("hbm2-2000", Placement::packed));
  CHECK(allocator.place(std::uint64_t{1} << 30) == 0);
  CHECK_THROWS_AS(allocator.place(64), spillway::workloads::InputError);
}

}  // namespace spillway::placement_test
