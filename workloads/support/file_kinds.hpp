// What kind of file somebody gave, where another kind was meant.
#pragma once

#include <string>
#include <vector>

#include "workloads/support/config.hpp"

namespace spillway::workloads {

enum class FileKind { experiment, network, device, dram_device, technology, study, sweep };

/// "an experiment", "a DRAM device" …
std::string name_of(FileKind kind);

/// The kind whose keys a map has; nothing when they tell nothing.
std::optional<FileKind> kind_of(const Config& config);

/// Throws InputError when a whole file is plainly of another kind than `wanted`; a map inside of a
/// file, or one that tells nothing, passes.
void require_kind(const Config& config, FileKind wanted);

/// What is shipped in `folder` ("workloads/networks"), if it is one of files of a kind.
std::optional<FileKind> kind_of_folder(const std::string& folder);

/// For a name that is none of the folder's: `, which is a network`, and for an experiment which
/// network it is one of; "" when no file is shipped under that name.
std::string what_it_is(const std::string& name);

/// The shipped experiments of the shipped network of that name.
std::vector<std::string> experiments_of(const std::string& network);

}  // namespace spillway::workloads
