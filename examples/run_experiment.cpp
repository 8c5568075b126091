// Run one mini-batch of an experiment through its device and print the ledger: every word across
// the chip's border.
//   run_experiment EXPERIMENT.yaml
#include <cstdio>
#include <exception>
#include <spillway/spillway.hpp>

int main(int argument_count, char** arguments) {
  if (argument_count != 2) {
    std::fprintf(stderr, "usage: run_experiment EXPERIMENT.yaml\n");
    return 2;
  }
  try {
    const spillway::sim::Experiment experiment = spillway::sim::read_experiment(arguments[1]);
    spillway::sim::Simulation simulation(experiment);
    const spillway::sim::Result result =
        simulation.run_step(spillway::sim::first_batch(experiment));

    std::printf("layer,phase,tensor,direction,port,words\n");
    for (const spillway::sim::LedgerLine& line : result.ledger.lines()) {
      std::printf("%s,%s,%s,%s,%s,%llu\n", line.layer.c_str(), to_string(line.key.phase).c_str(),
                  to_string(line.key.tensor).c_str(), to_string(line.key.direction).c_str(),
                  line.key.port == spillway::models::Port::dram ? "dram" : "host",
                  static_cast<unsigned long long>(line.words.count()));
    }
    return 0;
  } catch (const std::exception& error) {  // of bad input: what was found, and what is allowed
    std::fprintf(stderr, "run_experiment: %s\n", error.what());
    return 2;
  }
}
