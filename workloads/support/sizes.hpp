// Sizes in bytes as people write and read them.
#pragma once

#include <optional>
#include <string>

#include "workloads/support/units.hpp"

namespace spillway::workloads {

/// Bytes meant by "64 KiB", "1.5 MiB", "256KB", "100" …, or nothing when the text is no size. K, M
/// and G, like KiB, MiB and GiB, are powers of two, KB, MB and GB powers of ten (IEC 80000-13). A
/// fraction is rounded down to a whole 32-bit word.
std::optional<Bytes> parse_size(const std::string& text);

/// What parse_size takes, for messages: "a size such as …".
std::string allowed_sizes();

/// " (did you mean "256KB"?)" where only the unit's spelling is wrong, or "".
std::string size_hint(const std::string& text);

/// A need in short, "11.9 MiB": rounded up, so that it is enough when it is given as a size.
std::string needed_size(Bytes bytes);

}  // namespace spillway::workloads
