#include "tests/support/plain_block_search.hpp"

#include <functional>
#include <map>
#include <queue>
#include <utility>
#include <vector>

namespace spillway::test {

namespace {

struct Chip {
  Mask done = 0, held = 0, in_memory = 0;  ///< values that are up to date
  auto operator<=>(const Chip&) const = default;
};

class PlainSearch {
 public:
  PlainSearch(const BlockProgram& program, std::uint64_t buffer)
      : program_(program), buffer_(buffer) {}

  std::optional<std::uint64_t> run() {
    Chip start;
    Mask wanted = 0;
    for (std::size_t b = 0; b < program_.blocks.size(); ++b) {
      if (program_.blocks[b].given) start.in_memory |= bit(b);
      if (program_.blocks[b].wanted) wanted |= bit(b);
    }
    reach(start, 0);
    while (!open_.empty()) {
      const auto [spent, chip] = open_.top();
      open_.pop();
      if (spent > words_.at(chip)) continue;
      if (chip.done == program_.all() && (wanted & ~chip.in_memory) == 0) return spent;
      move_blocks(chip, spent);
      run_ops(chip, spent);
    }
    return std::nullopt;
  }

 private:
  using Entry = std::pair<std::uint64_t, Chip>;

  void reach(const Chip& chip, std::uint64_t spent) {
    const auto [at, is_new] = words_.try_emplace(chip, spent);
    if (!is_new && at->second <= spent) return;
    at->second = spent;
    open_.emplace(spent, chip);
  }

  std::uint64_t room(Mask blocks) const {
    std::uint64_t sum = 0;
    for (std::size_t b = 0; b < program_.blocks.size(); ++b) {
      if ((blocks & bit(b)) != 0) sum += program_.blocks[b].words;
    }
    return sum;
  }

  void move_blocks(const Chip& chip, std::uint64_t spent) {
    for (std::size_t b = 0; b < program_.blocks.size(); ++b) {
      const std::uint64_t size = program_.blocks[b].words;
      const bool held = (chip.held & bit(b)) != 0, stored = (chip.in_memory & bit(b)) != 0;
      if (held) reach({chip.done, chip.held & ~bit(b), chip.in_memory}, spent);
      if (held && !stored) reach({chip.done, chip.held, chip.in_memory | bit(b)}, spent + size);
      if (!held && stored && room(chip.held) + size <= buffer_) {
        reach({chip.done, chip.held | bit(b), chip.in_memory}, spent + size);
      }
    }
  }

  /// Made by none of the operations that are done.
  bool is_unmade(std::size_t b, const Chip& chip) const {
    return !program_.blocks[b].given && (program_.blocks[b].users & chip.done) == 0;
  }

  void run_ops(const Chip& chip, std::uint64_t spent) {
    for (const BlockOp& op : program_.ops) {
      if ((op.does & chip.done) != 0 || (op.after & ~chip.done) != 0) continue;
      for (const Passing& passing : op.passing) {
        if ((passing.blocks & chip.held) == 0) run_op(chip, spent, op, passing);
      }
    }
  }

  void run_op(const Chip& chip, std::uint64_t spent, const BlockOp& op, const Passing& passing) {
    Chip next{chip.done | op.does, chip.held | (op.blocks & ~passing.blocks),
              chip.in_memory & ~op.changes};
    if (room(next.held) + passing.room > buffer_) return;
    for (std::size_t b = 0; b < program_.blocks.size(); ++b) {
      const Block& block = program_.blocks[b];
      if ((op.blocks & ~chip.held & bit(b)) == 0 ||
          ((op.changes & bit(b)) != 0 && is_unmade(b, chip)))
        continue;
      // All others come from memory: those that stay were loaded before.
      if ((passing.blocks & chip.in_memory & bit(b)) == 0) return;
      spent += block.words;
    }
    for (std::size_t b = 0; b < program_.blocks.size(); ++b) {
      const Block& block = program_.blocks[b];
      if ((passing.blocks & op.changes & bit(b)) == 0) continue;
      if ((block.users & ~next.done) == 0 && !block.wanted) continue;
      next.in_memory |= bit(b);
      spent += block.words;
    }
    reach(next, spent);
  }

  const BlockProgram& program_;
  std::uint64_t buffer_;
  std::map<Chip, std::uint64_t> words_;
  std::priority_queue<Entry, std::vector<Entry>, std::greater<>> open_;
};

}  // namespace

std::optional<std::uint64_t> plain_block_words(const BlockProgram& program,
                                               std::uint64_t buffer_words) {
  return PlainSearch(program, buffer_words).run();
}

}  // namespace spillway::test
