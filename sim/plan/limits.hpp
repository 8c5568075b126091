// The bounds of the search of a plan: everything that it leaves out so that it ends soon.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace spillway::sim {

/// What each bounds, in which unit, and what more or less of it gains and costs. Figures are
/// measured: policy `best-recompute` with another value, in buffers of 64 KiB, 512 KiB, 4 MiB and
/// 16 MiB, compared in DRAM words and in the time of all searches together.
/// - *All*: 156 plans, of the shipped experiments and of BP and LEL on `resnet-chain`, `vgg16` and
///   28 convolutions (the only deep network).
/// - *Some*: 40 plans, of ten of those.
/// Where there is no figure, none was measured.
struct Limits {
  // Tile sizes and loops of one nest (mapping/).

  /// An axis is cut into 1, 2, 3 … this many nearly equal tiles; beyond that each number of tiles
  /// tried is 9/8 of the one before, or one more, so that all values up to 16 mean the same.
  /// Some: 32 takes 1.05 times as long; 10 plans move fewer words (0.16 % at most), 7 more (1.36 %
  /// at most).
  std::int64_t even_cuts = 16;
  /// Places of a map's row or column up to which it is cut in every way, as windows overlap
  /// differently then.
  std::int64_t small_map = 8;

  // Which layers run together (fusion/).

  /// Layers of a network that is searched without the bounds for deep ones.
  int shallow = 20;
  /// Layers up to which every group is tried in deep networks.
  int small_group = 8;

  // Residencies between nests (residency/).

  /// Tensors resident at once between two nests. Each more multiplies the states of the search, and
  /// makes each larger.
  std::size_t residents = 4;
  /// Parts of the step after which a tensor has to be used again to be pinned.
  std::size_t pinned_wait = 4;
  /// Parts of the step within which another tensor has to be used again to stay beside them.
  std::size_t idle_if_pinned = 4;
  /// And how many of these at once.
  std::size_t residents_if_pinned = 2;
  /// States that are followed from a place in a search of whole tensors, of parts too, and in deep
  /// networks: the states of the fewest words moved, less resident words. With 1000 and 600 the
  /// search takes 1.37 times as long as with 200 for both, and one plan of 44 moves fewer words
  /// (0.16 %). All: in deep networks no plan moves other words with 300 or 1000.
  std::size_t beam = 300, beam_with_parts = 300, beam_if_deep = 50;
  /// Beams of states that a place collects before it forgets the least promising. All: no words
  /// change with 2 (0.97 of the time) or 16 (1.06).
  std::size_t beams_kept = 4;
  /// Tensors that may stay or not after one nest: each more may double the ways there are. Some: no
  /// words change with 6 or 14, nor the time (1.01 and 0.99).
  std::size_t candidates = 10;
  /// Parts of the step within which a tensor has to be used again to stay. Some: with 7 the search
  /// takes 0.90 of the time, and 8 plans move more words (26 % at most); with 20 two plans move
  /// fewer (12 % at most), in 0.96 of the time.
  std::size_t idle_distance = 14;
  /// A tensor stays only if it has this part of the words of all of the step's tensors.
  std::uint64_t negligible = 10'000;

  // How much of a tensor stays where not all of it does.

  /// Only of tensors of at least this part of all words.
  std::uint64_t large_enough = 50;
  /// Parts are multiples of an eighth to a quarter of the tensor's first dimension, and halves of
  /// that down to this part of all words.
  std::int64_t unit_at_least = 8, unit_at_most = 4;
  std::uint64_t smallest_part = 1000;
  /// Rounds in which they are then refined, and sizes of a round from the best one on, in steps of
  /// the unit divided by 4 for each round. Some: without, the search takes 0.87 of the
  /// time, and 18 plans move more words (9.8 % at most).
  int refinements = 2;
  std::int64_t sizes_refined = 4;
  /// Sizes tried of one tensor's part when a schedule is resized.
  std::int64_t sizes_resized = 128;
  /// Sizes tried of one tensor's part when a schedule is placed with less of it.
  std::int64_t sizes_placed = 8;

  // Which layers are made again (residency/).

  /// Layers up to which each is tried as the last one made again; of deeper ones every fourth part.
  int recomputed_to = 16;
  /// Number of these layers that are searched in networks with more layers: the best ones where
  /// nothing is resident.
  std::size_t recomputed_searched = 4;

  // The search of a size (policies/).

  /// Deep networks are searched in buffers of so many sizes from a power of two to the next, each
  /// up to the buffer's own: the search takes up to 20 times as long as in one. Beside a search in
  /// the buffer itself, plans of 28 convolutions and of 24 fully connected layers between two
  /// sizes move up to 4.6 % more words.
  std::uint64_t sizes_in_octave = 2;

  /// Where a schedule cannot be placed, the search gets less room: by 1/256 of the buffer, and
  /// twice as much each time, but no less than half of it.
  std::uint64_t room_step = 256, least_room = 2;
  /// Tries in the whole buffer, each with the next smaller schedule, before the schedules get
  /// smaller by 1/256 of the buffer; and doublings of that amount, one for each further try.
  std::uint64_t patient_tries = 8, most_doublings = 16;

  // Addresses (allocation/).

  /// Orders in which first fit is tried, a range without room coming first in the next one, and
  /// shuffled ones: of whole tensors, and of residencies between nests.
  int orders_of_tensors = 40, shuffles_of_tensors = 100;
  int orders_of_residencies = 200, shuffles_of_residencies = 200;
  /// Operations before and after its life for which a whole tensor's place is kept free, so that
  /// loads can run ahead: the first that fits.
  std::array<std::size_t, 8> slacks{16, 8, 6, 4, 3, 2, 1, 0};
  /// Buffers tried between the words needed and the smallest buffer known to work, for a refusal's
  /// message.
  std::uint64_t buffers_tried = 16;
};

inline constexpr Limits limits;

}  // namespace spillway::sim
