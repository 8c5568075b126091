// Figure 6 of the paper: words read and written by one mini-batch of BP and of local errors, for
// the paper's three networks, as the paper's formula, the plan and the simulated device give them.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace spillway::analysis {

struct Figure6Row {
  std::string network, rule;
  std::string direction;  ///< "read", "write" (words) or "macs"
  std::uint64_t paper, planned, simulated;
  bool agrees() const { return paper == planned && planned == simulated; }
};

struct Figure6 {
  std::int64_t batch;
  std::vector<Figure6Row> rows;
  std::vector<std::string> notes;  ///< a line on the buffer for each run
  bool agrees() const;
};

/// Throws InputError when a shipped experiment does not fit its device at this batch.
void require_figure6_fits(std::int64_t batch);

/// Run the shipped experiments. `progress` is told what begins. MACs are those executed, taps on
/// padding counted, and for BP the input gradient of layer 1, which nobody computes but the paper's
/// Figure 2 counts.
Figure6 run_figure6(std::int64_t batch, const std::function<void(const std::string&)>& progress);

std::string figure6_text(const Figure6& figure);
std::string figure6_json(const Figure6& figure);
std::string figure6_csv(const Figure6& figure);
std::string figure6_svg(const Figure6& figure);

}  // namespace spillway::analysis
