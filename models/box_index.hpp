// Finds which boxes of one tensor overlap a given one: a list while they are few, a grid of cells
// when they are many.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <unordered_map>
#include <vector>

#include "models/tile.hpp"
#include "workloads/support/filled_array.hpp"

namespace spillway::models {

class BoxIndex {
 public:
  explicit BoxIndex(const TensorShape& shape);

  /// Boxes are known by a number of their user's; one box may stand in it under several.
  void insert(std::uint32_t number, const Tile& box);
  void erase(std::uint32_t number, const Tile& box);
  std::size_t size() const { return size_; }

  /// The number of a box that overlaps `box` and that `wanted` (number, box) agrees to, or nothing.
  /// `wanted` may be asked twice about a box.
  template <class Wanted>
  std::optional<std::uint32_t> find_overlapping(const Tile& box, Wanted wanted) const {
    const auto search = [&](const std::vector<Item>& items) -> std::optional<std::uint32_t> {
      for (const Item& item : items) {
        if (overlap(item.box, box) && wanted(item.number, item.box)) return item.number;
      }
      return std::nullopt;
    };
    if (!in_cells_) return search(list_);
    std::optional<std::uint32_t> found;
    for_each_cell(box, [&](std::uint64_t cell) {
      const auto items = found ? cells_.end() : cells_.find(cell);
      if (items != cells_.end()) found = search(items->second);
    });
    return found;
  }

 private:
  struct Item {
    std::uint32_t number;
    Tile box;
  };
  static constexpr std::size_t longest_list = 16;

  /// Numbers of the cells that a box reaches into: at most two along each side of a box that is no
  /// longer than a cell.
  template <class Visit>
  void for_each_cell(const Tile& box, Visit visit) const {
    std::array<std::int64_t, largest_rank> first, last, at;
    for (std::size_t i = 0; i < largest_rank; ++i) {
      first[i] = at[i] = box.box[i].begin / cell_[i];
      last[i] = (box.box[i].end - 1) / cell_[i];
    }
    while (true) {
      std::uint64_t number = 0;
      for (std::size_t i = 0; i < largest_rank; ++i) {
        number = number * cells_along_[i] + static_cast<std::uint64_t>(at[i]);
      }
      visit(number);
      std::size_t i = largest_rank;
      for (; i > 0 && ++at[i - 1] > last[i - 1]; --i) at[i - 1] = first[i - 1];
      if (i == 0) return;
    }
  }
  bool fits_a_cell(const Tile& box) const;
  void make_cells(const Tile& at_least);
  void make_list();
  std::vector<Item> all() const;

  std::array<std::int64_t, largest_rank> extent_ =
      workloads::filled_array<largest_rank, std::int64_t>(1);
  std::size_t size_ = 0;
  bool in_cells_ = false;
  std::vector<Item> list_;
  std::array<std::int64_t, largest_rank> cell_ = extent_;  // sides of a cell
  std::array<std::uint64_t, largest_rank> cells_along_ =
      workloads::filled_array<largest_rank, std::uint64_t>(1);
  std::unordered_map<std::uint64_t, std::vector<Item>> cells_;  // none is empty
};

}  // namespace spillway::models
