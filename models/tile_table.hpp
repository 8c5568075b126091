// Which tiles are on chip and who is using them. Instructions are issued in program order: issuing
// checks the rules, reserves space and hands out tickets; engines then wait for their tickets, so
// that a tile's state is the only synchronisation between them. Plain C++, no simulated time.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "models/box_index.hpp"
#include "models/element_set.hpp"
#include "models/instruction.hpp"
#include "models/on_chip_buffer.hpp"
#include "workloads/kernels/recent_contracts.hpp"

namespace spillway::models {

/// One operand's claim on a tile: it may be used once all earlier conflicting uses are done.
struct Ticket {
  std::uint32_t entry = 0;  ///< of the tile table
  bool writes = false;
  std::uint64_t earlier_reads = 0;   ///< that a writer waits for
  std::uint64_t earlier_writes = 0;  ///< that everybody waits for
  EngineKind last_writer = EngineKind::load;
  std::uint8_t readers = 0;  ///< since the last write, a bit for each engine
};

/// An instruction on its way to an engine.
struct Issued {
  Instruction instruction;
  std::vector<Ticket> tickets;
  std::uint64_t earlier_stores = 0;  ///< that a load waits for
};

class TileTable {
 public:
  /// With `check` on, a program that breaks a rule is a ProgramError:
  /// * using or storing an absent tile, or a part that does not lie within it;
  /// * an operand that is not as large as its kernel says;
  /// * loading or generating a resident tile, storing a clean one (redundant transfers);
  /// * freeing a changed tile without saying so;
  /// * incoherence: a changed tile of a tensor while another one that overlaps it is resident;
  /// * loading elements that have no value yet: of a tensor that is not given, those that this
  ///   program did not store.
  /// With it off such instructions act on whatever bytes stand at the address.
  TileTable(OnChipBuffer& buffer, bool check);

  /// Begin a program on tensors placed by `map` (kept by reference).
  void begin(const MemoryMap& map);
  /// End it. With checks on, tiles left on chip are a ProgramError.
  void end();

  /// Issue the next instruction in program order: true, and `issued` takes it over; or false and
  /// nothing yet when the space that it needs is still in use. An instruction that was not issued
  /// is the next one, too. Throws ProgramError, also when it needs more space than the buffer has.
  bool issue(Instruction& instruction, Issued& issued);

  /// The engine that an instruction waits for, as long as it has to.
  std::optional<EngineKind> waits_for(const Issued& issued) const;
  bool ready(const Issued& issued) const { return !waits_for(issued); }
  /// The instruction is done: its claims end, and tiles freed in the meantime give up their space.
  void complete(const Issued& issued);

  /// Why an instruction that was not issued has to wait: words needed and words free.
  std::string blocked_on(const Instruction& instruction) const;

 private:
  using Number = std::uint32_t;  // of an entry
  struct Entry {
    BufferedTile tile;
    bool dirty = false;    // in program order
    bool freeing = false;  // freed in program order, still in use by an engine
    std::uint64_t reads_issued = 0, reads_done = 0, writes_issued = 0, writes_done = 0;
    EngineKind last_writer = EngineKind::load;  // in program order
    std::uint8_t readers = 0;                   // since it wrote, a bit for each engine
    bool idle() const { return reads_issued == reads_done && writes_issued == writes_done; }
  };
  /// Of one tensor, in program order.
  struct TensorState {
    BoxIndex resident;
    std::size_t dirty = 0;  // of the resident tiles
    ElementSet stored;      // by this program; kept when the tensor is not given
  };
  /// A store that is not done yet.
  struct PendingStore {
    std::uint64_t number;
    Tile tile;
  };

  Bytes size_of(const Tile& tile) const;
  Entry* find(const BufferedTile& tile);
  const Entry* find(const BufferedTile& tile) const;
  bool resident(const Tile& tile) const;

  bool reserve_all(const Instruction& instruction);
  void make(const BufferedTile& tile, bool filled);
  /// Returns the entry, if there is one.
  Entry* claim(const BufferedTile& tile, bool writes, EngineKind engine, Issued& issued);
  void claim_all(const Instruction& instruction, Issued& issued);
  void change(Entry* entry);
  void free_tile(const Free& free);
  void give_up(Number number);
  void begin_store(const Tile& tile);
  std::uint64_t stores_before_load(const Tile& tile) const;

  void check(const Instruction& instruction) const;
  void check_load(const Load& load, const Instruction& instruction) const;
  void check_compute(const Compute& compute, const Instruction& instruction) const;
  void check_sizes(const Compute& compute, const workloads::Contract& contract,
                   const Instruction& instruction) const;
  void check_view(const TileView& view, const Instruction& instruction) const;
  const Entry& check_resident(const BufferedTile& tile, const Instruction& instruction) const;
  void check_coherent(const Tile& tile, bool changed, const Instruction& instruction) const;
  [[noreturn]] void refuse(const Instruction& instruction, const std::string& why) const;

  OnChipBuffer& buffer_;
  bool check_;
  const MemoryMap* map_ = nullptr;
  std::vector<Entry> entries_;
  std::vector<Number> unused_;                            // entries that hold no tile
  std::unordered_map<std::uint64_t, Number> by_address_;  // entries that hold one
  std::vector<TensorState> tensors_;
  std::deque<PendingStore> pending_stores_;  // in order; no more than the store engine's queue
  std::uint64_t stores_issued_ = 0, stores_done_ = 0;
  bool checked_ = false;  // the instruction that waits to be issued
  mutable workloads::RecentContracts contracts_;
};

}  // namespace spillway::models
