#pragma once

#include <string>
#include <vector>

namespace spillway::workloads {

/// The candidate closest to `word` by edit distance, or "" when none is near enough to be meant.
std::string nearest(const std::string& word, const std::vector<std::string>& candidates);

/// " (did you mean "X"?)" for the nearest candidate, or "".
std::string did_you_mean(const std::string& word, const std::vector<std::string>& candidates);

/// "a, b, c"
std::string joined(const std::vector<std::string>& words);

}  // namespace spillway::workloads
