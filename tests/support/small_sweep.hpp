// Sweeps of a network that is planned and run in milliseconds.
#pragma once

#include <string>

#include "tests/support/program.hpp"

namespace spillway::test {

/// "e.yaml", an experiment of a conv and an fc layer on random data, which has no result in a
/// buffer of 64 bytes.
inline void write_small_experiment(const TemporaryFolder& folder) {
  folder.write("e.yaml",
               "network:\n  input: [2, 6, 6]\n  classes: 3\n  layers:\n"
               "    - {type: conv, out: 4, kernel: 3, max_pool: {kernel: 2}}\n"
               "    - {type: fc, out: 10}\n"
               "rule: bp\ndevice: {base: paper, buffer: 16 KiB}\nbatch: 4\npolicy: best\n"
               "objective: words\n"
               "data: {base: random, train: 16, test: 8}\n");
}

/// The head of a sweep of it; axes and what else there is come behind.
inline std::string small_sweep(const std::string& rest, const std::string& command = "plan") {
  return "base: ./e.yaml\ncommand: " + command + "\nmetrics: [words, high_water_bytes]\n" + rest;
}

}  // namespace spillway::test
