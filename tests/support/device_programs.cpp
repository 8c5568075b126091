#include "tests/support/device_programs.hpp"

#include <doctest/doctest.h>

#include <algorithm>

#include "models/layout_runs.hpp"
#include "tests/support/build.hpp"
#include "workloads/support/error.hpp"

namespace spillway::test {

using models::Device;
using models::Execution;
using models::Instruction;
using models::Port;

models::Tile box(workloads::TensorId tensor, const std::vector<models::Range>& ranges) {
  models::Tile tile{tensor, {}};
  std::ranges::copy(ranges, tile.box.begin());
  return tile;
}

models::Program pulled_from(const std::vector<Instruction>& instructions) {
  return [&instructions, next = std::size_t{0}]() mutable -> std::optional<Instruction> {
    if (next == instructions.size()) return std::nullopt;
    return instructions[next++];
  };
}

void check_equal(const Execution& a, const Execution& b) {
  REQUIRE(a.by_label.size() == b.by_label.size());
  for (std::size_t i = 0; i < a.by_label.size(); ++i) {
    CHECK(a.by_label[i].words == b.by_label[i].words);
    CHECK(a.by_label[i].bytes == b.by_label[i].bytes);
  }
  CHECK(a.dram == b.dram);
  CHECK(a.host.read_words == b.host.read_words);
  CHECK(a.host.write_words == b.host.write_words);
  CHECK(a.host.read_bytes == b.host.read_bytes);
  CHECK(a.host.write_bytes == b.host.write_bytes);
  CHECK(a.macs == b.macs);
  CHECK(a.macs_padded == b.macs_padded);
  CHECK(a.macs_apart == b.macs_apart);
  CHECK(a.generated_words == b.generated_words);
  CHECK(a.time == b.time);
  CHECK(a.cycles == b.cycles);
  CHECK(a.busy.load == b.busy.load);
  CHECK(a.busy.store == b.busy.store);
  CHECK(a.busy.compute == b.busy.compute);
  CHECK(a.busy.generate == b.busy.generate);
  CHECK(a.counts == b.counts);
  CHECK(a.buffer == b.buffer);
  CHECK(a.high_water == b.high_water);
  CHECK(a.instructions == b.instructions);
}

Bench::Bench(const std::vector<workloads::TensorShape>& shapes, workloads::Bytes buffer)
    : device(paper_device(buffer)) {
  for (std::size_t i = 0; i < shapes.size(); ++i) {
    map.push_back({"t" + std::to_string(i), shapes[i], workloads::Bytes(4), Port::dram,
                   i * (std::uint64_t{1} << 20)});
  }
}

models::BufferedTile Bench::whole(workloads::TensorId tensor, std::uint64_t address) const {
  return {models::whole_tensor(tensor, map.at(tensor).shape), address};
}

void Bench::give(Device& target) const {
  const auto store_of = [&](workloads::TensorId tensor) -> models::BackingStore& {
    return map[tensor].port == Port::dram ? target.dram() : target.host();
  };
  for (const auto& [tensor, values] : given_) {
    models::write_tensor(store_of(tensor), map[tensor], std::as_bytes(std::span(values)));
  }
  for (const auto& [tensor, seed] : seeds) {
    store_of(tensor).write(map[tensor].address, std::as_bytes(std::span(&seed, 1)));
  }
}

Execution Bench::run(const std::vector<Instruction>& program) {
  last_ = std::make_unique<Device>(device);
  give(*last_);
  const Execution execution = last_->execute(map, pulled_from(program));
  Device without(device, {.check_residency = true, .values = false});
  check_equal(execution, without.execute(map, pulled_from(program)));
  return execution;
}

std::string Bench::failure(const std::vector<Instruction>& program) {
  std::string messages[2];
  for (const bool values : {false, true}) {
    Device target(device, {.check_residency = true, .values = values});
    try {
      target.execute(map, pulled_from(program));
    } catch (const workloads::ProgramError& error) {
      messages[values] = error.what();
    }
  }
  CHECK(messages[0] == messages[1]);
  return messages[0];
}

std::vector<float> Bench::values(workloads::TensorId tensor) {
  std::size_t count = 1;
  for (const std::int64_t size : map[tensor].shape) count *= static_cast<std::size_t>(size);
  std::vector<float> values(count);
  models::read_tensor(last_->dram(), map[tensor], std::as_writable_bytes(std::span(values)));
  return values;
}

}  // namespace spillway::test
