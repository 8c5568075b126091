// What Python calls. Results are texts of JSON here; python/spillway/__init__.py makes dicts of
// them.
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "analysis/figures/explore_buffer.hpp"
#include "analysis/reports/report.hpp"
#include "analysis/reports/version.hpp"
#include "analysis/sweeps/point_command.hpp"
#include "analysis/sweeps/run_sweep.hpp"
#include "analysis/sweeps/sweep_table.hpp"
#include "sim/experiment.hpp"
#include "workloads/support/error.hpp"
#include "workloads/support/file_use.hpp"
#include "workloads/support/shared_files.hpp"

namespace py = pybind11;

namespace {

namespace fs = std::filesystem;
using spillway::analysis::PointCommand;
using spillway::workloads::Config;
using Texts = std::vector<std::string>;

/// YAML that Python gave as a dict, or a file: a path, or the name of a shipped one.
struct Source {
  std::string text;
  bool is_text;

  Config read(const std::string& folder) const {
    spillway::workloads::forget_file_use();
    if (is_text) return Config::from_text(text, "dict");
    return Config::from_file(path(folder));
  }
  fs::path path(const std::string& folder) const {
    const bool name = text.find('/') == std::string::npos && !text.ends_with(".yaml");
    return name && !fs::is_regular_file(text)
               ? spillway::workloads::shared_folder() / folder / (text + ".yaml")
               : fs::path(text);
  }
  std::string name() const { return is_text ? "dict" : fs::path(text).stem().string(); }
};

std::string command(const std::string& what, const Source& source, const Texts& overrides) {
  Config config = source.read("workloads/experiments");
  for (const std::string& override : overrides) {
    config.set({override, "override " + override});
  }
  const auto command = spillway::workloads::value_in(spillway::analysis::point_command_names, what);
  const py::gil_scoped_release others_may_run;
  return spillway::analysis::point_result(command.value(),
                                          spillway::sim::read_experiment(config, source.name()));
}

std::string network(const Source& source) {
  const Config config = source.read("workloads/networks");
  return spillway::analysis::network_json(spillway::workloads::read_network(
      spillway::workloads::resolve_shared(config, "workloads/networks"), source.name()));
}

std::string explore_buffer(const Source& source, const std::string& sizes, std::int64_t batch,
                           const Texts& rules, std::size_t jobs) {
  const Config config = source.read("workloads/networks");
  spillway::analysis::ExplorationOptions options;
  if (!rules.empty()) options.rules = rules;
  options.jobs = jobs;
  const py::gil_scoped_release others_may_run;
  return exploration_json(spillway::analysis::explore_buffer(
      spillway::workloads::read_network(
          spillway::workloads::resolve_shared(config, "workloads/networks"), source.name()),
      batch, spillway::analysis::parse_sizes(sizes), options));
}

/// The table; nothing when interrupted.
std::optional<std::string> sweep(const Source& source, const std::string& out, std::size_t jobs,
                                 bool retry_failed) {
  spillway::workloads::forget_file_use();
  spillway::analysis::SweepOptions options;
  options.jobs = jobs;
  options.retry_failed = retry_failed;
  const auto outcome = spillway::analysis::run_sweep(
      spillway::analysis::read_sweep(source.path("workloads/sweeps")), out, options);
  if (outcome.interrupted) return std::nullopt;
  std::string json;
  table_json(spillway::analysis::read_table(out), false,
             [&](std::string_view part) { json += part; });
  return json;
}

}  // namespace

PYBIND11_MODULE(_spillway, module) {
  // The last one that is registered is tried first.
  const auto& error =
      py::register_exception<spillway::workloads::Error>(module, "Error", PyExc_RuntimeError);
  py::register_exception<spillway::workloads::InputError>(module, "InputError", error);
  py::class_<Source>(module, "Source").def(py::init<std::string, bool>());
  module.def("command", command);
  module.def("network", network);
  module.def("explore_buffer", explore_buffer);
  module.def("sweep", sweep);
  module.def("version", spillway::analysis::version);
}
