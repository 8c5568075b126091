// The kinds of pooling that a conv layer may end in: all that is asked of one is in its row.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace spillway::workloads {

class Kernel;
struct PoolGeometry;

enum class PoolKind { max, average };

/// Pooling as written: the output is floor((in + 2 padding - kernel) / stride) + 1, or with
/// `ceil_mode` rounded up as long as the last window starts inside the input.
struct PoolSpec {
  PoolKind kind = PoolKind::max;
  std::array<std::int64_t, 2> kernel{2, 2}, stride{2, 2}, padding{0, 0};
  bool ceil_mode = false;
  bool count_padding = false;  ///< of average pooling: padding counts in the number divided by
  bool global = false;         ///< one window, the whole map
};

inline constexpr PoolSpec global_average{.kind = PoolKind::average, .global = true};

struct PoolRow {
  PoolKind kind;
  std::string key;   ///< of a layer in a network file, and of its JSON
  std::string name;  ///< in reports
  /// Types of layers that other tools have for it, without case and signs.
  std::vector<std::string> types;
  std::vector<std::string> options;  ///< keys beside kernel, stride and padding
  /// It notes the winner of each window, in one byte, for the way back.
  bool winners;
  /// A result is 0 exactly where a ReLU before it lets no error through, so that its mask can be
  /// taken from the results. Otherwise what is pooled has to be kept for the way back.
  bool carries_mask;
  Kernel (*forward)(const PoolGeometry&, const PoolSpec&);  ///< y -> a, winners
  Kernel (*error)(const PoolGeometry&, const PoolSpec&);    ///< da, winners -> dy
  /// Settings beside the window, for reports.
  std::vector<std::pair<std::string, bool>> (*settings)(const PoolSpec&);
};

/// In the order in which users see them.
const std::vector<PoolRow>& pool_rows();
const PoolRow& pool_row(PoolKind kind);

}  // namespace spillway::workloads
