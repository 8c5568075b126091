// The files that Spillway ships: networks, experiments, devices and data, under the same relative
// paths in the source tree and in an installation (share/spillway).
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "workloads/support/config.hpp"

namespace spillway::workloads {

/// share/spillway beside the running program's bin folder when it is there, else the source tree.
std::filesystem::path shared_folder();

/// Names of the YAML files of a shipped folder, e.g. "workloads/networks", without their ending.
std::vector<std::string> shared_names(const std::string& folder);

/// What a value such as `network:` or `device:` means. A name stands for a shipped file of
/// `folder`, a path (with a slash or ending in .yaml) for a file beside the one that the value
/// stands in, a map for itself; a map with the key `base` for that base with its other keys laid
/// over. A file may have a `base` itself. `named` as in Config::overlaid. Throws InputError.
Config resolve_shared(const Config& value, const std::string& folder,
                      const std::vector<std::string>& named = {});

}  // namespace spillway::workloads
