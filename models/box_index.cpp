#include "models/box_index.hpp"

#include <algorithm>
#include <bit>

namespace spillway::models {

BoxIndex::BoxIndex(const TensorShape& shape) {
  std::copy_n(shape.begin(), std::min(shape.size(), largest_rank), extent_.begin());
}

void BoxIndex::insert(std::uint32_t number, const Tile& box) {
  if (in_cells_ ? !fits_a_cell(box) : size_ == longest_list) make_cells(box);
  ++size_;
  if (!in_cells_) {
    list_.push_back({number, box});
    return;
  }
  for_each_cell(box, [&](std::uint64_t cell) { cells_[cell].push_back({number, box}); });
}

void BoxIndex::erase(std::uint32_t number, const Tile& box) {
  const auto erase_from = [&](std::vector<Item>& items) {
    const auto found =
        std::ranges::find_if(items, [&](const Item& item) { return item.number == number; });
    if (found == items.end()) return;
    *found = items.back();
    items.pop_back();
  };
  --size_;
  if (!in_cells_) {
    erase_from(list_);
    return;
  }
  for_each_cell(box, [&](std::uint64_t cell) {
    const auto items = cells_.find(cell);
    erase_from(items->second);
    if (items->second.empty()) cells_.erase(items);
  });
  if (size_ < longest_list / 2) make_list();
}

bool BoxIndex::fits_a_cell(const Tile& box) const {
  for (std::size_t i = 0; i < largest_rank; ++i) {
    if (box.box[i].size() > cell_[i]) return false;
  }
  return true;
}

/// Cells that no box is longer than. Sides are powers of two, so that they grow a few times only.
void BoxIndex::make_cells(const Tile& at_least) {
  std::vector<Item> items = all();
  const auto grow = [&](const Tile& box) {
    for (std::size_t i = 0; i < largest_rank; ++i) {
      const auto size = static_cast<std::uint64_t>(box.box[i].size());
      cell_[i] = std::max(cell_[i], static_cast<std::int64_t>(std::bit_ceil(size)));
    }
  };
  cell_ = workloads::filled_array<largest_rank, std::int64_t>(1);
  grow(at_least);
  for (const Item& item : items) grow(item.box);
  for (std::size_t i = 0; i < largest_rank; ++i) {
    cells_along_[i] = workloads::ceil_div(static_cast<std::uint64_t>(extent_[i]),
                                          static_cast<std::uint64_t>(cell_[i]));
  }
  in_cells_ = true;
  list_.clear();
  cells_.clear();
  size_ = 0;
  for (const Item& item : items) insert(item.number, item.box);
}

void BoxIndex::make_list() {
  list_ = all();
  cells_.clear();
  in_cells_ = false;
}

std::vector<BoxIndex::Item> BoxIndex::all() const {
  if (!in_cells_) return list_;
  std::vector<Item> items;
  for (const auto& [cell, here] : cells_) {
    for (const Item& item : here) {
      // A box that reaches into several cells is taken from its first.
      bool first = true, mine = false;
      for_each_cell(item.box, [&](std::uint64_t number) {
        mine |= first && number == cell;
        first = false;
      });
      if (mine) items.push_back(item);
    }
  }
  return items;
}

}  // namespace spillway::models
