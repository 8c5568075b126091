#include "sim/plan/emission/ledger.hpp"

namespace spillway::sim {

std::string to_string(Direction direction) {
  return direction == Direction::read ? "read" : "write";
}

std::size_t Ledger::line(const LedgerKey& key, const std::string& layer_name) {
  for (std::size_t i = 0; i < lines_.size(); ++i) {
    if (lines_[i].key == key) return i;
  }
  lines_.push_back({key, layer_name, {}, {}});
  return lines_.size() - 1;
}

void Ledger::add(std::size_t line, Words words, Bytes bytes) {
  lines_.at(line).words += words;
  lines_.at(line).bytes += bytes;
}

Ledger Ledger::emptied() const {
  Ledger result = *this;
  for (LedgerLine& line : result.lines_) {
    line.words = Words(0);
    line.bytes = Bytes(0);
  }
  return result;
}

Words Ledger::total(models::Port port, Direction direction) const {
  Words sum;
  for (const LedgerLine& line : lines_) {
    if (line.key.port == port && line.key.direction == direction) sum += line.words;
  }
  return sum;
}

Words Ledger::total(Item item) const {
  Words sum;
  for (const LedgerLine& line : lines_) {
    if (line.key.item == item) sum += line.words;
  }
  return sum;
}

}  // namespace spillway::sim
