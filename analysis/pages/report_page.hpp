// Results of `run` and `plan` as one page: HTML with its style and figures in it, that a browser
// shows from disk. Nothing is fetched and no script runs.
#pragma once

#include <string>
#include <vector>

#include "analysis/formats/json.hpp"

namespace spillway::analysis {

struct NamedResult {
  std::string name;  ///< what the page calls it: its file
  Json result;       ///< what `read_result` returned
};

/// Throws InputError, "NAME: KEY: found X; allowed: …", when a key that the page reads is of
/// another type than docs/json.md says, or one that every result has is not there.
void require_result(const NamedResult& result);

/// The page of one or more results that `require_result` let through; the others are compared with
/// the first. An element that shows a value of a result has its number among the results from 0
/// (`data-run`), its place as a JSON pointer (`data-key`) and the value as JSON (`data-value`); one
/// that shows a sum over a list names the list (`data-sum`), and has `data-KEY` for each key that
/// the elements summed up have in common. What a result has not is said to be missing.
std::string report_page(const std::vector<NamedResult>& results);

}  // namespace spillway::analysis
