#include "tests/support/block_search.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <limits>
#include <unordered_map>

namespace spillway::test {

namespace {

template <class Visit>
void for_each(Mask mask, Visit visit) {
  for (; mask != 0; mask &= mask - 1) visit(static_cast<std::size_t>(std::countr_zero(mask)));
}

/// A renumbering of the bits of a mask, a byte at a time.
class Renumbering {
 public:
  explicit Renumbering(const std::vector<std::size_t>& numbers) {
    for (std::size_t byte = 0; byte < 8; ++byte) {
      for (std::size_t value = 0; value < 256; ++value) {
        for (std::size_t i = 0; i < 8; ++i) {
          const std::size_t at = 8 * byte + i;
          if ((value >> i & 1) != 0 && at < numbers.size()) table_[byte][value] |= bit(numbers[at]);
        }
      }
    }
    bytes_ = (numbers.size() + 7) / 8;
  }
  Mask operator()(Mask mask) const {
    Mask result = 0;
    for (std::size_t byte = 0; byte < bytes_; ++byte) {
      result |= table_[byte][mask >> (8 * byte) & 255];
    }
    return result;
  }

 private:
  std::array<std::array<Mask, 256>, 8> table_{};
  std::size_t bytes_ = 8;
};

/// Words of sets of blocks, a byte of the mask at a time.
class WordTable {
 public:
  explicit WordTable(const std::vector<Block>& blocks) {
    for (std::size_t byte = 0; byte < 8; ++byte) {
      for (std::size_t value = 0; value < 256; ++value) {
        for (std::size_t i = 0; i < 8; ++i) {
          const std::size_t at = 8 * byte + i;
          if ((value >> i & 1) != 0 && at < blocks.size()) table_[byte][value] += blocks[at].words;
        }
      }
    }
  }
  std::uint64_t operator()(Mask mask) const {
    std::uint64_t sum = 0;
    for (std::size_t byte = 0; mask != 0; ++byte, mask >>= 8) sum += table_[byte][mask & 255];
    return sum;
  }

 private:
  std::array<std::array<std::uint64_t, 256>, 8> table_{};
};

/// Parts that are done, blocks on chip, and those of them whose value memory has, too.
struct Key {
  Mask done = 0, held = 0, clean = 0;
  auto operator<=>(const Key&) const = default;
};
struct KeyHash {
  std::size_t operator()(const Key& key) const {
    std::uint64_t hash = key.done * 0x9e3779b97f4a7c15u;
    hash = (hash ^ hash >> 29 ^ key.held) * 0xbf58476d1ce4e5b9u;
    hash = (hash ^ hash >> 32 ^ key.clean) * 0x94d049bb133111ebu;
    return hash ^ hash >> 31;
  }
};

class BlockSearch {
 public:
  BlockSearch(const BlockProgram& program, std::uint64_t buffer, std::uint64_t limit)
      : program_(program),
        buffer_(buffer),
        limit_(limit),
        words_(program.blocks),
        by_words_(limit) {
    for (const BlockProgram::Symmetry& symmetry : program.symmetries) {
      ops_.emplace_back(symmetry.ops);
      blocks_.emplace_back(symmetry.blocks);
    }
    find_turns();
  }

  BlockSchedule run(std::size_t most_states) {
    arrive({}, 0, {0, 0, 0});
    for (; at_words_ < limit_; ++at_words_) {
      std::vector<std::uint32_t>& next = by_words_[at_words_];
      while (!next.empty()) {
        const std::uint32_t at = next.back();
        next.pop_back();
        if (states_[at].followed) continue;
        if (states_[at].key.done == program_.all()) return found(at);
        if (states_.size() > most_states) return {std::nullopt, false, states_.size(), {}};
        states_[at].followed = true;
        follow(at);
      }
    }
    return {std::nullopt, true, states_.size(), {}};
  }

 private:
  struct Way {
    std::uint32_t from = 0, op = 0;
    Mask left = 0;
  };
  struct State {
    Key key;
    std::uint64_t words = 0;
    Way way;
    bool followed = false;
  };
  /// A part of the step, and what is used before it and again after it.
  struct Turn {
    Mask op = 0, blocks_across = 0, blocks_after = 0;
    std::uint64_t room = 0;
  };

  std::uint64_t words(Mask blocks) const { return words_(blocks); }
  /// Of these blocks, those that are used by a part not yet done.
  Mask live(Mask blocks, Mask done) const {
    Mask result = 0;
    for_each(blocks, [&](std::size_t b) {
      if ((program_.blocks[b].users & ~done) != 0) result |= bit(b);
    });
    return result;
  }
  Mask touched(Mask blocks, Mask done) const {
    Mask result = 0;
    for_each(blocks, [&](std::size_t b) {
      if ((program_.blocks[b].users & done) != 0) result |= bit(b);
    });
    return result;
  }
  /// Of blocks that leave the chip and come back.
  std::uint64_t cost(Mask leaving, Mask clean) const {
    return 2 * words(leaving & ~clean) + words(leaving & clean);
  }

  bool may_run(const BlockOp& op, Mask done) const {
    return (op.does & done) == 0 && (op.after & ~done) == 0;
  }

  void follow(std::uint32_t at) {
    const State state = states_[at];
    const std::uint64_t used = words(state.key.held);
    for (std::uint32_t o = 0; o < program_.ops.size(); ++o) {
      const BlockOp& op = program_.ops[o];
      if (!may_run(op, state.key.done)) continue;
      std::vector<Mask> without_leaving;
      for (const Passing& passing : op.passing) {
        if (std::ranges::any_of(without_leaving,
                                [&](Mask fewer) { return (fewer & ~passing.blocks) == 0; })) {
          continue;
        }
        // What lies on chip and is to pass leaves first.
        const Mask leaving = state.key.held & passing.blocks;
        const std::uint64_t needed = used - words(leaving) + passing.room +
                                     words(op.blocks & ~state.key.held & ~passing.blocks);
        const std::uint64_t excess = needed > buffer_ ? needed - buffer_ : 0;
        if (excess == 0 && leaving == 0) without_leaving.push_back(passing.blocks);
        make_room(state, at, o, passing.blocks, state.key.held & ~op.blocks, excess, leaving);
      }
    }
  }

  /// All sets of these blocks that make room and of which none is left out without losing it.
  void make_room(const State& state, std::uint32_t at, std::uint32_t o, Mask passing,
                 Mask candidates, std::uint64_t excess, Mask leaving) {
    if (excess == 0) {
      do_op(state, at, o, passing, leaving);
      return;
    }
    if (words(candidates) < excess) return;
    for (; candidates != 0; candidates &= candidates - 1) {
      const auto b = static_cast<std::size_t>(std::countr_zero(candidates));
      const std::uint64_t size = program_.blocks[b].words;
      make_room(state, at, o, passing, candidates & (candidates - 1),
                size < excess ? excess - size : 0, leaving | bit(b));
    }
  }

  void do_op(const State& state, std::uint32_t at, std::uint32_t o, Mask passing, Mask leaving) {
    Key key = state.key;
    std::uint64_t spent = state.words + cost(leaving, key.clean);
    if (spent >= limit_) return;
    key.held &= ~leaving;
    const BlockOp& op = program_.ops[o];
    // What was used before lies in memory, as does what is given.
    Mask in_memory = 0;
    for_each(op.blocks & ~key.held, [&](std::size_t b) {
      const Block& block = program_.blocks[b];
      if (block.given || (block.users & key.done) != 0) in_memory |= bit(b);
    });
    key.clean = ((key.clean & key.held) | in_memory) & ~op.changes;
    key.held |= op.blocks & ~passing;
    key.done |= op.does;
    spent += cost(live(passing, key.done), ~op.changes);
    key.clean &= key.held;
    finish(key);
    arrive(key, spent, {at, o, leaving});
  }

  /// Forgets what is used no more, and runs what costs nothing and leaves nothing more on chip: to
  /// wait with that is never better.
  void finish(Key& key) const {
    for (bool more = true; more;) {
      key.held = live(key.held, key.done);
      key.clean &= key.held;
      more = false;
      for (const BlockOp& op : program_.ops) {
        if (!may_run(op, key.done) || !is_free(op, key)) continue;
        key.done |= op.does;
        key.clean &= ~op.changes;
        more = true;
        break;
      }
    }
  }

  bool is_free(const BlockOp& op, const Key& key) const {
    const Mask missing = op.blocks & ~key.held;
    const Mask becomes_dirty = op.changes & key.clean;
    if (live(missing | becomes_dirty, key.done | op.does) != 0) return false;
    if (missing == 0) return true;
    const std::uint64_t used = words(key.held);
    return std::ranges::any_of(op.passing, [&](const Passing& passing) {
      return (passing.blocks & ~missing) == 0 &&
             used + words(missing & ~passing.blocks) + passing.room <= buffer_;
    });
  }

  Key canonical(const Key& key) const {
    Key least = key;
    for (std::size_t s = 1; s < ops_.size(); ++s) {
      const Mask done = ops_[s](key.done);
      if (done > least.done) continue;
      least = std::min(least, Key{done, blocks_[s](key.held), blocks_[s](key.clean)});
    }
    return least;
  }

  void arrive(const Key& key, std::uint64_t spent, const Way& way) {
    const std::uint64_t least = spent + ahead(key);
    if (least >= limit_) return;
    const auto [known, is_new] =
        numbers_.try_emplace(canonical(key), static_cast<std::uint32_t>(states_.size()));
    if (is_new) {
      states_.push_back({known->first, spent, way, false});
    } else {
      State& state = states_[known->second];
      if (state.words <= spent) return;
      state.words = spent;
      state.way = way;
      state.followed = false;
    }
    by_words_[std::max(least, at_words_)].push_back(known->second);
  }

  /// A bound on what is moved from here on: when a part runs, what was used before it and is used
  /// after it lies on chip beside its operands or has left, at a word for each word if memory has
  /// its value, and else at two.
  std::uint64_t ahead(const Key& key) const {
    std::uint64_t most = 0;
    const Mask new_blocks = ~key.held & ~touched(~key.held & used_, key.done);
    for (const Turn& turn : turns_) {
      if ((turn.op & key.done) != 0) continue;
      const Mask waiting = (turn.blocks_after & key.held) | (turn.blocks_across & new_blocks);
      const std::uint64_t total = words(waiting) + turn.room;
      if (total <= buffer_) continue;
      const std::uint64_t excess = total - buffer_;
      const std::uint64_t cheap =
          std::min(excess, words(waiting & ((key.held & key.clean) | (~key.held & unchanged_))));
      most = std::max(most, cheap + 2 * (excess - cheap));
    }
    return most;
  }

  void find_turns() {
    for (const BlockOp& op : program_.ops) used_ |= op.blocks;
    for (std::size_t b = 0; b < program_.blocks.size(); ++b) {
      if (program_.blocks[b].given) unchanged_ |= bit(b);
    }
    std::vector<Mask> before(program_.parts);
    for (std::size_t i = 0; i < program_.parts; ++i) {
      before[i] = program_.ops[i].after;
      for_each(program_.ops[i].after, [&](std::size_t j) { before[i] |= before[j]; });
    }
    for (std::size_t i = 0; i < program_.parts; ++i) {
      Mask after = 0;
      for (std::size_t j = 0; j < program_.parts; ++j) {
        if ((before[j] & bit(i)) != 0) after |= bit(j);
      }
      Turn turn{bit(i), 0, 0, std::numeric_limits<std::uint64_t>::max()};
      for (std::size_t b = 0; b < program_.blocks.size(); ++b) {
        const Mask users = program_.blocks[b].users;
        if ((program_.ops[i].blocks & bit(b)) != 0 || (users & after) == 0) continue;
        turn.blocks_after |= bit(b);
        if ((users & before[i]) != 0) turn.blocks_across |= bit(b);
      }
      for (const Passing& passing : program_.ops[i].passing) {
        turn.room =
            std::min(turn.room, words(program_.ops[i].blocks & ~passing.blocks) + passing.room);
      }
      // Where an update is joined to it, the gradient takes a word.
      for (std::size_t k = program_.parts; k < program_.ops.size(); ++k) {
        if ((program_.ops[k].does & bit(i)) != 0) turn.room = 0;
      }
      turns_.push_back(turn);
    }
  }

  BlockSchedule found(std::uint32_t at) const {
    BlockSchedule result{states_[at].words, true, states_.size(), {}};
    for (; at != 0; at = states_[at].way.from) {
      const Way& way = states_[at].way;
      std::string line = program_.ops[way.op].name;
      for_each(way.left, [&](std::size_t b) { line += ", without " + program_.blocks[b].name; });
      result.log.push_back(line);
    }
    std::ranges::reverse(result.log);
    return result;
  }

  const BlockProgram& program_;
  std::uint64_t buffer_, limit_, at_words_ = 0;
  WordTable words_;
  std::vector<Renumbering> ops_, blocks_;
  Mask used_ = 0, unchanged_ = 0;
  std::vector<Turn> turns_;
  std::vector<State> states_;
  std::unordered_map<Key, std::uint32_t, KeyHash> numbers_;
  std::vector<std::vector<std::uint32_t>> by_words_;  // states, by the words they lead to at least
};

}  // namespace

std::uint64_t compulsory_words(const BlockProgram& program) {
  std::uint64_t words = 0;
  for (const Block& block : program.blocks) {
    if (block.users == 0) continue;
    words += (block.given ? block.words : 0) + (block.wanted ? block.words : 0);
  }
  return words;
}

std::uint64_t most_words(const BlockProgram& program) {
  std::uint64_t words = 1;
  for (const Block& block : program.blocks) {
    words += 2 * block.words * static_cast<std::uint64_t>(std::popcount(block.users));
  }
  return words;
}

BlockSchedule search_blocks(const BlockProgram& program, std::uint64_t buffer_words,
                            std::uint64_t limit, std::size_t most_states) {
  return BlockSearch(program, buffer_words, limit).run(most_states);
}

}  // namespace spillway::test
