#include "sim/plan/allocation/burst_count.hpp"

#include <algorithm>

#include "workloads/support/error.hpp"

namespace spillway::sim {

using models::largest_rank;
using models::Range;

namespace {

constexpr std::size_t most_residues = 256;

/// How many addresses there are by their place within a burst.
struct Residues {
  std::array<std::uint64_t, most_residues> count;
  std::size_t size = 0;

  explicit Residues(std::size_t burst) : size(burst) { std::fill_n(count.begin(), size, 0); }
  /// The residues of all sums of two addresses.
  Residues plus(const Residues& other) const {
    Residues sums(size);
    for (std::size_t a = 0; a < size; ++a) {
      if (count[a] == 0) continue;
      for (std::size_t b = 0; b < size; ++b) {
        const std::size_t sum = a + b;
        sums.count[sum < size ? sum : sum - size] += count[a] * other.count[b];
      }
    }
    return sums;
  }
};

/// What ranges have of the blocks at one index of the grid.
struct BlockPiece {
  std::int64_t block = 0;
  Range within;
  std::uint64_t times = 0;
};

/// A dimension's ranges, cut at the borders of blocks.
struct CutRanges {
  CutRanges(const std::vector<Range>& ranges, std::int64_t size, std::int64_t per_block);

  static constexpr std::size_t kinds = 4;
  std::int64_t extent, block, last;  ///< elements of all, of a block, of the one at the edge
  /// Pieces by kind: of inner blocks and of the one at the edge, in part and whole.
  std::array<std::vector<BlockPiece>, kinds> pieces;
  std::vector<BlockPiece> borders;  ///< between blocks, within ranges: the later block
  std::uint64_t whole = 0;          ///< ranges that take in the dimension

  static bool is_full(std::size_t kind) { return kind % 2 == 1; }
  std::int64_t block_size(std::size_t kind) const { return kind < 2 ? block : last; }
};

CutRanges::CutRanges(const std::vector<Range>& ranges, std::int64_t size, std::int64_t per_block)
    : extent(size), block(per_block), last((size - 1) % per_block + 1) {
  const std::int64_t blocks = (extent + block - 1) / block;
  std::vector<std::uint64_t> full(static_cast<std::size_t>(blocks)), joined(full.size());
  for (const Range& range : ranges) {
    whole += range == Range{0, extent};
    const std::int64_t from = range.begin / block, to = (range.end - 1) / block;
    for (std::int64_t at = from; at <= to; ++at) {
      const std::int64_t begin = at * block, end = std::min(extent, begin + block);
      if (at > from) ++joined[static_cast<std::size_t>(at)];
      if (range.begin <= begin && range.end >= end) {
        ++full[static_cast<std::size_t>(at)];
        continue;
      }
      const Range within{std::max(range.begin, begin) - begin, std::min(range.end, end) - begin};
      pieces[end - begin < block ? 2 : 0].push_back({at, within, 1});
    }
  }
  for (std::int64_t at = 0; at < blocks; ++at) {
    const std::int64_t own = std::min(extent - at * block, block);
    const std::uint64_t times = full[static_cast<std::size_t>(at)],
                        borders_here = joined[static_cast<std::size_t>(at)];
    if (times > 0) pieces[own < block ? 3 : 1].push_back({at, {0, own}, times});
    if (borders_here > 0) borders.push_back({at, {0, 1}, borders_here});
  }
}

class BurstCount {
 public:
  BurstCount(const TileRanges& tiles, std::span<const std::int64_t> shape,
             const models::Layout& layout, std::uint64_t per_burst)
      : per_burst_(per_burst) {
    const auto sizes = models::block_sizes(layout, shape);
    dims_.reserve(largest_rank);
    for (std::size_t d = 0; d < largest_rank; ++d) {
      dims_.emplace_back(tiles[d], d < shape.size() ? shape[d] : 1, sizes[d]);
    }
    std::uint64_t product = 1;
    for (std::size_t d = largest_rank; d-- > 0;) {
      after_[d] = product;
      product *= static_cast<std::uint64_t>(dims_[d].extent);
    }
  }

  BurstsAndRuns all() {
    add_runs(0);
    for (std::size_t d = 0; d < largest_rank; ++d) {
      std::uint64_t times = 1;
      for (std::size_t later = d + 1; later < largest_rank; ++later) times *= dims_[later].whole;
      if (times == 0 || dims_[d].borders.empty()) continue;
      Residues start(per_burst_);
      start.count[0] = times;
      take_off_joined(d, 0, 1, start);
    }
    return counts_;
  }

 private:
  /// Of the blocks' addresses along a dimension, modulo a burst; `before` are the elements of the
  /// block along all dimensions before.
  std::uint64_t grid_stride(std::size_t d, std::uint64_t before) const {
    return before % per_burst_ * (static_cast<std::uint64_t>(dims_[d].block) % per_burst_) %
           per_burst_ * (after_[d] % per_burst_) % per_burst_;
  }

  /// All runs within one block each, by the kinds of pieces along each dimension.
  void add_runs(std::size_t d) {
    if (d == largest_rank) {
      add_runs_of_kinds();
      return;
    }
    for (kind_[d] = 0; kind_[d] < CutRanges::kinds; ++kind_[d]) {
      if (!dims_[d].pieces[kind_[d]].empty()) add_runs(d + 1);
    }
  }

  void add_runs_of_kinds() {
    std::size_t inner = largest_rank - 1;  // the first dimension within a run
    while (inner > 0 && CutRanges::is_full(kind_[inner])) --inner;
    std::array<std::uint64_t, largest_rank> before{}, stride{};
    std::uint64_t product = 1;
    for (std::size_t d = 0; d < largest_rank; ++d) {
      before[d] = product;
      product *= static_cast<std::uint64_t>(dims_[d].block_size(kind_[d]));
    }
    for (std::size_t d = 0; d < largest_rank; ++d) {
      stride[d] = product / before[d] / static_cast<std::uint64_t>(dims_[d].block_size(kind_[d]));
    }
    Residues starts(per_burst_);
    starts.count[0] = 1;
    for (std::size_t d = 0; d < largest_rank; ++d) {
      const std::uint64_t along_grid = grid_stride(d, before[d]);
      if (d != inner) starts = starts.plus(starts_along(d, along_grid, stride[d], d < inner));
    }
    add_runs_along(inner, grid_stride(inner, before[inner]), stride[inner], starts);
  }

  /// The terms of one dimension: of the block, and of each element within it or of the first alone.
  Residues starts_along(std::size_t d, std::uint64_t along_grid, std::uint64_t stride,
                        bool each) const {
    Residues result(per_burst_);
    const std::uint64_t step = stride % per_burst_;
    for (const BlockPiece& piece : dims_[d].pieces[kind_[d]]) {
      std::uint64_t at = (static_cast<std::uint64_t>(piece.block) * along_grid +
                          static_cast<std::uint64_t>(piece.within.begin) * step) %
                         per_burst_;
      for (std::int64_t i = 0; i < (each ? piece.within.size() : 1); ++i) {
        result.count[at] += piece.times;
        at += step;
        if (at >= per_burst_) at -= per_burst_;
      }
    }
    return result;
  }

  void add_runs_along(std::size_t d, std::uint64_t along_grid, std::uint64_t stride,
                      const Residues& starts) {
    // Lengths are few, and mostly stand together.
    Residues same(per_burst_);
    std::int64_t size = 0;
    const auto add_same = [&] {
      const Residues sums = same.plus(starts);
      const std::uint64_t length = static_cast<std::uint64_t>(size) * stride;
      for (std::size_t r = 0; r < per_burst_; ++r) {
        counts_.bursts += sums.count[r] * ((r + length + per_burst_ - 1) / per_burst_);
        counts_.runs += sums.count[r];
      }
    };
    for (const BlockPiece& piece : dims_[d].pieces[kind_[d]]) {
      if (size != 0 && piece.within.size() != size) {
        add_same();
        same = Residues(per_burst_);
      }
      size = piece.within.size();
      same.count[(static_cast<std::uint64_t>(piece.block) * along_grid +
                  static_cast<std::uint64_t>(piece.within.begin) * (stride % per_burst_)) %
                 per_burst_] += piece.times;
    }
    add_same();
  }

  /// Runs of two blocks that follow each other are one: where they meet within a burst, it counted
  /// twice. They meet at the borders along `border`, where all before is full and all after whole.
  void take_off_joined(std::size_t border, std::size_t d, std::uint64_t before,
                       const Residues& starts) {
    if (d == border) {
      const std::uint64_t along_grid = grid_stride(d, before);
      Residues along(per_burst_);
      for (const BlockPiece& piece : dims_[d].borders) {
        along.count[static_cast<std::uint64_t>(piece.block) * along_grid % per_burst_] +=
            piece.times;
      }
      const Residues sums = starts.plus(along);
      for (std::size_t r = 0; r < per_burst_; ++r) {
        if (r != 0) counts_.bursts -= sums.count[r];
        counts_.runs -= sums.count[r];
      }
      return;
    }
    for (kind_[d] = 0; kind_[d] < CutRanges::kinds; ++kind_[d]) {
      if (!CutRanges::is_full(kind_[d]) || dims_[d].pieces[kind_[d]].empty()) continue;
      const Residues along = starts_along(d, grid_stride(d, before), 0, false);
      take_off_joined(border, d + 1,
                      before * static_cast<std::uint64_t>(dims_[d].block_size(kind_[d])),
                      starts.plus(along));
    }
  }

  std::size_t per_burst_;
  std::vector<CutRanges> dims_;
  std::array<std::uint64_t, largest_rank> after_{};
  std::array<std::size_t, largest_rank> kind_{};
  BurstsAndRuns counts_;
};

}  // namespace

BurstsAndRuns count_bursts(const TileRanges& tiles, std::span<const std::int64_t> shape,
                           const models::Layout& layout, std::uint64_t elements_per_burst) {
  if (elements_per_burst == 0 || elements_per_burst > most_residues) {
    throw workloads::ConsistencyError("a DRAM burst of no elements, or of more than 256");
  }
  return BurstCount(tiles, shape, layout, elements_per_burst).all();
}

}  // namespace spillway::sim
