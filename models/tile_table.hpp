// Which tiles are on chip and who is using them. Instructions are issued in program order: issuing
// checks the rules, reserves space and hands out tickets; engines then wait for their tickets, so
// that a tile's state is the only synchronisation between them. Plain C++, no simulated time.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "models/instruction.hpp"
#include "models/on_chip_buffer.hpp"

namespace spillway::models {

/// One operand's claim on a tile: it may be used once all earlier conflicting uses are done.
struct Ticket {
  std::uint64_t address = 0;
  bool tracked = true;  ///< false: raw access to a place where no tile stands (checks off only)
  bool writes = false;
  std::uint64_t earlier_reads = 0;   ///< that a writer waits for
  std::uint64_t earlier_writes = 0;  ///< that everybody waits for
};

/// An instruction on its way to an engine.
struct Issued {
  Instruction instruction;
  std::vector<Ticket> tickets;
  std::uint64_t earlier_stores = 0;  ///< of the same tensor, that a load waits for
};

class TileTable {
 public:
  /// With `check` on, a program that breaks a rule is a ProgramError: using or storing an absent
  /// tile, loading or generating a resident one, storing a clean one, freeing a changed one without
  /// saying so. With it off such instructions act on whatever bytes stand at the address.
  TileTable(OnChipBuffer& buffer, bool check);

  /// Begin a program on tensors placed by `map` (kept by reference).
  void begin(const MemoryMap& map);
  /// End it. With checks on, tiles left on chip are a ProgramError.
  void end();

  /// Issue the next instruction in program order, or nothing yet when the space that it needs is
  /// still in use. Throws ProgramError, also when it needs more space than the buffer has.
  std::optional<Issued> issue(const Instruction& instruction);

  bool ready(const Issued& issued) const;
  /// The instruction is done: its claims end, and tiles freed in the meantime give up their space.
  void complete(const Issued& issued);

  /// Why an instruction that was not issued has to wait: words needed and words free.
  std::string blocked_on(const Instruction& instruction) const;

 private:
  struct Entry {
    Tile tile;
    bool dirty = false;    // in program order
    bool freeing = false;  // freed in program order, still in use by an engine
    std::uint64_t reads_issued = 0, reads_done = 0, writes_issued = 0, writes_done = 0;
    bool idle() const { return reads_issued == reads_done && writes_issued == writes_done; }
  };
  struct StoreCount {
    std::uint64_t issued = 0, done = 0;
  };

  Bytes size_of(const Tile& tile) const;
  Entry* find(const BufferedTile& tile);
  bool resident(const Tile& tile) const;
  std::vector<BufferedTile> tiles_made_by(const Instruction& instruction) const;
  void make(const BufferedTile& tile, bool filled);
  Ticket claim(const BufferedTile& tile, bool writes);
  void give_up(std::uint64_t address);
  void check(const Instruction& instruction);
  void check_resident(const BufferedTile& tile, const Instruction& instruction);
  void free_tile(const Free& free);
  [[noreturn]] void refuse(const Instruction& instruction, const std::string& why) const;

  OnChipBuffer& buffer_;
  bool check_;
  const MemoryMap* map_ = nullptr;
  std::map<std::uint64_t, Entry> entries_;  // by address
  std::map<Tile, std::uint64_t> places_;    // tiles resident in program order
  std::vector<StoreCount> stores_;          // by tensor
};

}  // namespace spillway::models
