// Run a sweep, two points at once, and print each point that is on its Pareto front.
//   run_sweep SWEEP.yaml FOLDER
#include <cstdio>
#include <exception>
#include <spillway/spillway.hpp>

int main(int argument_count, char** arguments) {
  if (argument_count != 3) return 2;
  try {
    using namespace spillway::analysis;
    SweepOptions options;
    options.jobs = 2;
    run_sweep(read_sweep(arguments[1]), arguments[2], options);
    table_csv(read_table(arguments[2]), true,
              [](std::string_view part) { std::fwrite(part.data(), 1, part.size(), stdout); });
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "run_sweep: %s\n", error.what());
    return 2;
  }
}
