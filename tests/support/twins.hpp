// The same kernels twice: with results that may stay in blocked layouts, and with plain ones.
#pragma once

#include "tests/support/kernels.hpp"

namespace spillway::test {

/// A live operand: its place in the arenas and what it may serve as.
struct Piece {
  std::size_t offset, bytes;
  std::string kind;
  bool overlaps(const Piece& other) const {
    return offset < other.offset + other.bytes && other.offset < offset + bytes;
  }
  bool is_bytes() const { return kind.starts_with("mask") || kind.starts_with("winners"); }
};

/// The same kernels on the same operands at the same places of two arenas: one with lasting
/// results, one without.
class Twins {
 public:
  explicit Twins(workloads::SplitMix& numbers) : numbers_(numbers) {}

  bool has(const std::string& kind) const {
    return std::ranges::any_of(live_, [&](const Piece& piece) { return piece.kind == kind; });
  }

  static constexpr int apart = -1, standing = -2;

  /// Runs a kernel on live operands of these kinds, or new ones from outside. Output i lies on
  /// input on[i], has memory of its own (`apart`), or is a live operand itself (`standing`).
  void run(const workloads::Kernel& kernel, const std::vector<std::string>& inputs,
           const std::vector<std::string>& outputs, std::vector<int> on = {}) {
    const workloads::OperandSizes sizes = workloads::operand_sizes(kernel);
    on.resize(outputs.size(), apart);
    std::vector<Piece> in, out;
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      in.push_back(input(inputs[i], sizes.inputs[i].count()));
    }
    for (std::size_t i = 0; i < outputs.size(); ++i) {
      const std::size_t bytes = sizes.outputs[i].count();
      if (on[i] == standing) {
        out.push_back(input(outputs[i], bytes, true));
        continue;
      }
      out.push_back(on[i] >= 0 ? in[on[i]] : room(outputs[i], bytes));
    }
    run(lasting_runner_, lasting_, kernel, in, out);
    run(plain_runner_, plain_, kernel, in, out);
    in_use_.clear();
  }

  /// What the owner of the memory does between kernels: gives up, writes, moves or reads.
  void meddle() {
    if (live_.empty()) return;
    const Piece piece = live_[numbers_.below(live_.size())];
    switch (numbers_.below(8)) {
      case 0: release(piece); break;
      case 1: write(piece); break;
      case 2: move(piece); break;
      case 3: compare(piece); break;
      default: break;
    }
    in_use_.clear();
  }
  void compare_all() {
    for (const Piece& piece : live_) compare(piece);
  }

  std::size_t different = 0, lasted = 0, moved = 0, finite = 0;

 private:
  static constexpr std::size_t arena_bytes = 1 << 19, largest_piece = 1 << 18;

  static void run(workloads::KernelRunner& runner, workloads::AlignedBytes& arena,
                  const workloads::Kernel& kernel, const std::vector<Piece>& in,
                  const std::vector<Piece>& out) {
    std::vector<const std::byte*> from;
    std::vector<std::byte*> to;
    for (const Piece& piece : in) from.push_back(arena.span().data() + piece.offset);
    for (const Piece& piece : out) to.push_back(arena.span().data() + piece.offset);
    runner.run(kernel, from, to);
  }
  static std::span<std::byte> bytes_of(workloads::AlignedBytes& arena, const Piece& piece) {
    return arena.span().subspan(piece.offset, piece.bytes);
  }

  Piece input(const std::string& kind, std::size_t bytes, bool unused = false) {
    std::vector<Piece> fitting;
    for (const Piece& piece : live_) {
      const auto overlaps = [&](const Piece& other) { return piece.overlaps(other); };
      if (unused && std::ranges::any_of(in_use_, overlaps)) continue;
      if (piece.kind == kind) fitting.push_back(piece);
    }
    if (!fitting.empty() && (numbers_.below(6) != 0 || kind.starts_with("winners"))) {
      in_use_.push_back(fitting[numbers_.below(fitting.size())]);
    } else {
      write(room(kind, bytes));
    }
    return in_use_.back();
  }

  /// Memory that nothing in use overlaps; what else lives there is given up.
  Piece room(const std::string& kind, std::size_t bytes) {
    REQUIRE(bytes <= largest_piece);
    while (true) {
      Piece piece{numbers_.below(arena_bytes - largest_piece), bytes, kind};
      if (!piece.is_bytes()) piece.offset -= piece.offset % 4;
      // Often where something of another size or shape began before.
      if (!starts_.empty() && numbers_.below(2) == 0) {
        piece.offset = starts_[numbers_.below(starts_.size())];
      }
      const auto overlaps = [&](const Piece& other) { return piece.overlaps(other); };
      if (std::ranges::any_of(in_use_, overlaps)) continue;
      for (auto at = live_.begin();
           (at = std::find_if(live_.begin(), live_.end(), overlaps)) != live_.end();) {
        release(*at);
      }
      if (piece.offset % 4 == 0) starts_.push_back(piece.offset);
      live_.push_back(piece);
      in_use_.push_back(piece);
      return piece;
    }
  }

  /// Later the memory is used at another size. Kernels may write over what nobody forgot.
  void release(const Piece& piece) {
    if (numbers_.below(3) != 0) lasting_runner_.forget(bytes_of(lasting_, piece));
    std::erase_if(live_, [at = piece.offset](const Piece& other) { return other.offset == at; });
  }

  void write(const Piece& piece) {
    if (piece.kind.starts_with("winners")) return;  // they have to be in their windows
    const std::span<std::byte> plain = bytes_of(plain_, piece);
    Values values = random_values(piece.bytes / 4 + 1, numbers_);
    if (piece.kind.starts_with("channels")) {  // no negative variances
      for (float& value : values) value = std::abs(value);
    }
    std::memcpy(plain.data(), values.data(), piece.bytes);
    if (piece.kind.starts_with("mask")) {
      for (std::byte& byte : plain) byte = std::byte{numbers_.below(2) == 0};
    }
    lasting_runner_.forget(bytes_of(lasting_, piece));
    std::ranges::copy(plain, bytes_of(lasting_, piece).begin());
  }

  void move(const Piece& from) {
    in_use_.push_back(from);
    const Piece to = room(from.kind, from.bytes);
    lasting_runner_.settle(bytes_of(lasting_, from));
    lasting_runner_.forget(bytes_of(lasting_, to));
    std::ranges::copy(bytes_of(lasting_, from), bytes_of(lasting_, to).begin());
    std::ranges::copy(bytes_of(plain_, from), bytes_of(plain_, to).begin());
    release(from);
    ++moved;
  }

  void compare(const Piece& piece) {
    const std::span<std::byte> ours = bytes_of(lasting_, piece), theirs = bytes_of(plain_, piece);
    lasted += !std::ranges::equal(ours, theirs);
    lasting_runner_.settle(ours);
    different += !std::ranges::equal(ours, theirs);
    if (piece.is_bytes()) return;
    for (const float value : as<float>({ours.begin(), ours.end()})) {
      finite += std::isfinite(value) && value != 0;
    }
  }

  workloads::SplitMix& numbers_;
  workloads::AlignedBytes lasting_{arena_bytes}, plain_{arena_bytes};
  workloads::KernelRunner lasting_runner_{workloads::KernelRunner::Results::lasting}, plain_runner_;
  std::vector<Piece> live_, in_use_;
  std::vector<std::size_t> starts_;
};

}  // namespace spillway::test
