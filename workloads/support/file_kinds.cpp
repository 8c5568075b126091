#include "workloads/support/file_kinds.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "workloads/support/error.hpp"
#include "workloads/support/nearest.hpp"
#include "workloads/support/shared_files.hpp"

namespace spillway::workloads {

namespace {

struct Kind {
  FileKind kind;
  const char* name;
  const char* folder;
  std::vector<const char*> keys;  ///< any two of them tell it
};

const std::array<Kind, 7>& kinds() {
  static const std::array<Kind, 7> all{{
      {FileKind::experiment,
       "an experiment",
       "workloads/experiments",
       {"network", "rule", "device", "batch", "data", "optimizer", "training", "idealisations"}},
      {FileKind::network, "a network", "workloads/networks", {"input", "classes", "layers"}},
      {FileKind::device,
       "a device",
       "models/devices",
       {"clock_mhz", "buffer", "buffer_port", "queue_depth", "array", "dram", "host"}},
      {FileKind::dram_device,
       "a DRAM device",
       "models/devices/dram",
       {"clock", "geometry", "timing", "currents", "mapping", "controller"}},
      {FileKind::technology,
       "a technology",
       "models/technologies",
       {"sources", "mac", "vector", "prng", "law", "laws"}},
      {FileKind::study,
       "a study",
       "analysis/studies",
       {"title", "default", "rows", "paper_epochs", "paper_seeds"}},
      {FileKind::sweep,
       "a sweep",
       "workloads/sweeps",
       {"base", "axes", "metrics", "objectives", "constraints", "search", "limits", "slurm"}},
  }};
  return all;
}

const Kind& of(FileKind kind) { return *std::ranges::find(kinds(), kind, &Kind::kind); }

bool is_shipped(const Kind& kind, const std::string& name) {
  return std::ranges::count(shared_names(kind.folder), name) != 0;
}

/// The network that a shipped experiment names.
std::string network_of(const std::string& experiment) {
  const Config config =
      Config::from_file(shared_folder() / of(FileKind::experiment).folder / (experiment + ".yaml"));
  const Config* network = config.find("network");
  return network != nullptr && network->is_scalar() ? network->text() : "";
}

}  // namespace

std::string name_of(FileKind kind) { return of(kind).name; }

std::optional<FileKind> kind_of(const Config& config) {
  if (!config.is_map()) return std::nullopt;
  std::optional<FileKind> best;
  std::ptrdiff_t most = 1;  // a key alone tells nothing
  for (const Kind& kind : kinds()) {
    const auto found = std::ranges::count_if(
        kind.keys, [&](const char* key) { return config.find(key) != nullptr; });
    if (found <= most) continue;
    most = found;
    best = kind.kind;
  }
  return best;
}

void require_kind(const Config& config, FileKind wanted) {
  if (!config.path().empty()) return;
  const std::optional<FileKind> found = kind_of(config);
  if (!found || *found == wanted) return;
  std::vector<std::string> keys(of(wanted).keys.begin(), of(wanted).keys.end());
  throw InputError(fmt::format("{}found {}; allowed: {}, which has keys such as {}", config.where(),
                               name_of(*found), name_of(wanted), joined(keys)));
}

std::optional<FileKind> kind_of_folder(const std::string& folder) {
  for (const Kind& kind : kinds()) {
    if (kind.folder == folder) return kind.kind;
  }
  return std::nullopt;
}

std::string what_it_is(const std::string& name) {
  for (const Kind& kind : kinds()) {
    if (!is_shipped(kind, name)) continue;
    std::string text = fmt::format(", which is {}", kind.name);
    if (kind.kind == FileKind::experiment) text += " of the network " + network_of(name);
    return text;
  }
  return "";
}

std::vector<std::string> experiments_of(const std::string& network) {
  std::vector<std::string> names = shared_names(of(FileKind::experiment).folder);
  std::erase_if(names, [&](const std::string& name) { return network_of(name) != network; });
  return names;
}

}  // namespace spillway::workloads
