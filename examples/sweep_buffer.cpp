// Plan an experiment for on-chip buffers of several sizes, under the policy `best`, and print the
// words across the chip's border for each. Nothing is simulated: a plan knows its words.
//   sweep_buffer EXPERIMENT.yaml SIZE ...
#include <cstdio>
#include <exception>
#include <spillway/sim/plan/allocation/buffer_too_small.hpp>
#include <spillway/spillway.hpp>

using spillway::models::Port;
using spillway::sim::Direction;

int main(int argument_count, char** arguments) {
  if (argument_count < 3) {
    std::fprintf(stderr, "usage: sweep_buffer EXPERIMENT.yaml SIZE ...\n");
    return 2;
  }
  try {
    std::printf("buffer_bytes,read_words,write_words\n");
    for (int i = 2; i < argument_count; ++i) {
      spillway::sim::Experiment experiment = spillway::sim::read_experiment(
          arguments[1], {std::string("device.buffer=") + arguments[i], std::string("policy=best")});
      const auto bytes = static_cast<unsigned long long>(experiment.device.buffer.count());
      try {
        const spillway::sim::Plan plan = spillway::sim::make_plan(experiment);
        const auto words = [&](Direction direction) {
          return static_cast<unsigned long long>(
              plan.ledger().total(Port::dram, direction).count());
        };
        std::printf("%llu,%llu,%llu\n", bytes, words(Direction::read), words(Direction::write));
      } catch (const spillway::sim::BufferTooSmall&) {
        std::printf("%llu,,\n", bytes);
      }
    }
    return 0;
  } catch (const std::exception& error) {  // of bad input: what was found, and what is allowed
    std::fprintf(stderr, "sweep_buffer: %s\n", error.what());
    return 2;
  }
}
