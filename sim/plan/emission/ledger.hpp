// The ledger: every word across the chip's border, by layer x phase x tensor x direction, and by
// the port that it crosses.
#pragma once

#include <string>
#include <vector>

#include "models/tile.hpp"
#include "sim/idealisations.hpp"
#include "workloads/step.hpp"

namespace spillway::sim {

using workloads::Bytes;
using workloads::Words;

enum class Direction { read, write };
std::string to_string(Direction direction);

struct LedgerKey {
  models::Port port = models::Port::dram;
  int layer = 0;
  workloads::Phase phase = workloads::Phase::forward;
  workloads::TensorKind tensor = workloads::TensorKind::weights;
  Direction direction = Direction::read;
  std::optional<Item> item;  ///< that the tensor belongs to
  bool operator==(const LedgerKey&) const = default;
};

struct LedgerLine {
  LedgerKey key;
  std::string layer;  ///< its name
  Words words;
  Bytes bytes;
};

class Ledger {
 public:
  /// The line of a key, made when there is none; its index never changes.
  std::size_t line(const LedgerKey& key, const std::string& layer_name);
  void add(std::size_t line, Words words, Bytes bytes);

  const std::vector<LedgerLine>& lines() const { return lines_; }
  /// The same lines with no words in them.
  Ledger emptied() const;
  Words total(models::Port port, Direction direction) const;
  /// Words of an item, both directions, whatever port they cross.
  Words total(Item item) const;

 private:
  std::vector<LedgerLine> lines_;
};

}  // namespace spillway::sim
