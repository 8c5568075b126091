#include "models/tile_table.hpp"

#include <fmt/format.h>

#include "workloads/support/error.hpp"

namespace spillway::models {

using workloads::ProgramError;
using workloads::words_of;

namespace {

/// Tiles that a kernel's inputs stand in or are made from.
template <class Visit>
void for_each_tile_read(const Compute& compute, Visit visit) {
  for (const Input& input : compute.inputs) {
    if (const auto* view = std::get_if<TileView>(&input)) {
      visit(view->tile);
    } else {
      const auto& streamed = std::get<Streamed>(input);
      visit(streamed.seed);
      if (streamed.sign_seed) visit(*streamed.sign_seed);
    }
  }
}

}  // namespace

TileTable::TileTable(OnChipBuffer& buffer, bool check) : buffer_(buffer), check_(check) {}

void TileTable::begin(const MemoryMap& map) {
  map_ = &map;
  while (!entries_.empty()) give_up(entries_.begin()->first);
  places_.clear();
  stores_.assign(map.size(), {});
}

void TileTable::end() {
  if (check_ && !entries_.empty()) {
    throw ProgramError(fmt::format("the program ends with {} tile(s) on chip, first {}",
                                   entries_.size(),
                                   tile_name(entries_.begin()->second.tile, *map_)));
  }
}

/// Space is handed out in whole words.
Bytes TileTable::size_of(const Tile& tile) const {
  return bytes_of(words_of(map_->at(tile.tensor).element * tile.elements()));
}

TileTable::Entry* TileTable::find(const BufferedTile& tile) {
  const auto found = entries_.find(tile.address);
  if (found == entries_.end() || found->second.freeing) return nullptr;
  if (check_ && found->second.tile != tile.tile) return nullptr;
  return &found->second;
}

bool TileTable::resident(const Tile& tile) const { return places_.contains(tile); }

void TileTable::refuse(const Instruction& instruction, const std::string& why) const {
  throw ProgramError(fmt::format("illegal program: {}: {}", describe(instruction, *map_), why));
}

std::vector<BufferedTile> TileTable::tiles_made_by(const Instruction& instruction) const {
  if (const auto* load = std::get_if<Load>(&instruction)) return {load->tile};
  if (const auto* generate = std::get_if<Generate>(&instruction)) return {generate->tile};
  std::vector<BufferedTile> result;
  if (const auto* compute = std::get_if<Compute>(&instruction)) {
    for (const TileView& output : compute->outputs) result.push_back(output.tile);
  }
  return result;
}

void TileTable::check_resident(const BufferedTile& tile, const Instruction& instruction) {
  if (find(tile) != nullptr) return;
  refuse(instruction, fmt::format("{} is absent", tile_name(tile.tile, *map_)));
}

void TileTable::check(const Instruction& instruction) {
  if (const auto* load = std::get_if<Load>(&instruction)) {
    if (resident(load->tile.tile)) refuse(instruction, "it is resident: a redundant transfer");
  } else if (const auto* store = std::get_if<Store>(&instruction)) {
    check_resident(store->tile, instruction);
    if (!find(store->tile)->dirty) refuse(instruction, "it is clean: a redundant transfer");
  } else if (const auto* generate = std::get_if<Generate>(&instruction)) {
    if (resident(generate->tile.tile)) refuse(instruction, "it is resident");
    check_resident(generate->seed, instruction);
    if (generate->sign_seed) check_resident(*generate->sign_seed, instruction);
  } else if (const auto* compute = std::get_if<Compute>(&instruction)) {
    for_each_tile_read(*compute,
                       [&](const BufferedTile& tile) { check_resident(tile, instruction); });
    for (const TileView& output : compute->outputs) {
      if (resident(output.tile.tile)) check_resident(output.tile, instruction);
    }
  } else if (const auto* free = std::get_if<Free>(&instruction)) {
    check_resident(free->tile, instruction);
    if (find(free->tile)->dirty && !free->discard) {
      refuse(instruction, "it was changed and not stored");
    }
  }
}

void TileTable::make(const BufferedTile& tile, bool filled) {
  buffer_.reserve(tile.address, size_of(tile.tile), !filled);
  entries_.emplace(tile.address, Entry{tile.tile});
  places_.emplace(tile.tile, tile.address);
}

Ticket TileTable::claim(const BufferedTile& tile, bool writes) {
  Entry* entry = find(tile);
  if (entry == nullptr) return {tile.address, false, writes, 0, 0};
  const Ticket ticket{tile.address, true, writes, entry->reads_issued, entry->writes_issued};
  ++(writes ? entry->writes_issued : entry->reads_issued);
  return ticket;
}

std::optional<Issued> TileTable::issue(const Instruction& instruction) {
  if (check_) check(instruction);
  std::vector<BufferedTile> made;
  for (const BufferedTile& tile : tiles_made_by(instruction)) {
    if (find(tile) != nullptr) continue;
    const Bytes size = size_of(tile.tile);
    if (tile.address + size.count() > buffer_.capacity().count()) {
      refuse(instruction, fmt::format("{} needs {} words at word {}, past the buffer's {} words",
                                      tile_name(tile.tile, *map_), words_of(size).count(),
                                      tile.address / 4, words_of(buffer_.capacity()).count()));
    }
    if (!buffer_.can_reserve(tile.address, size)) return std::nullopt;
    made.push_back(tile);
  }
  // A load and a generate fill their tile; whether a kernel does, poison tells (where its result is
  // plain: one in oneDNN's layout is kept beside the tile until it is asked for).
  const bool filled = !std::holds_alternative<Compute>(instruction);
  for (const BufferedTile& tile : made) make(tile, filled);

  Issued issued{instruction, {}, 0};
  if (const auto* load = std::get_if<Load>(&instruction)) {
    issued.tickets = {claim(load->tile, true)};
    issued.earlier_stores = stores_.at(load->tile.tile.tensor).issued;
  } else if (const auto* store = std::get_if<Store>(&instruction)) {
    issued.tickets = {claim(store->tile, false)};
    if (Entry* entry = find(store->tile)) entry->dirty = false;
    ++stores_.at(store->tile.tile.tensor).issued;
  } else if (const auto* generate = std::get_if<Generate>(&instruction)) {
    issued.tickets = {claim(generate->seed, false), claim(generate->tile, true)};
    if (generate->sign_seed) issued.tickets.push_back(claim(*generate->sign_seed, false));
    if (Entry* entry = find(generate->tile)) entry->dirty = true;
  } else if (const auto* compute = std::get_if<Compute>(&instruction)) {
    // A tile changed in place is claimed once, as written.
    for_each_tile_read(*compute, [&](const BufferedTile& tile) {
      bool in_place = false;
      for (const TileView& output : compute->outputs) in_place |= output.tile.tile == tile.tile;
      if (!in_place) issued.tickets.push_back(claim(tile, false));
    });
    for (const TileView& output : compute->outputs) {
      issued.tickets.push_back(claim(output.tile, true));
      if (Entry* entry = find(output.tile)) entry->dirty = true;
    }
  } else {
    free_tile(std::get<Free>(instruction));
  }
  return issued;
}

void TileTable::free_tile(const Free& free) {
  Entry* entry = find(free.tile);
  if (entry == nullptr) return;
  places_.erase(entry->tile);
  entry->freeing = true;
  if (entry->idle()) give_up(free.tile.address);
}

void TileTable::give_up(std::uint64_t address) {
  buffer_.release(address);
  entries_.erase(address);
}

bool TileTable::ready(const Issued& issued) const {
  for (const Ticket& ticket : issued.tickets) {
    if (!ticket.tracked) continue;
    const Entry& entry = entries_.at(ticket.address);
    if (entry.writes_done < ticket.earlier_writes) return false;
    if (ticket.writes && entry.reads_done < ticket.earlier_reads) return false;
  }
  if (const auto* load = std::get_if<Load>(&issued.instruction)) {
    return stores_.at(load->tile.tile.tensor).done >= issued.earlier_stores;
  }
  return true;
}

void TileTable::complete(const Issued& issued) {
  for (const Ticket& ticket : issued.tickets) {
    if (!ticket.tracked) continue;
    Entry& entry = entries_.at(ticket.address);
    ++(ticket.writes ? entry.writes_done : entry.reads_done);
    if (entry.freeing && entry.idle()) give_up(ticket.address);
  }
  if (const auto* store = std::get_if<Store>(&issued.instruction)) {
    ++stores_.at(store->tile.tile.tensor).done;
  }
}

std::string TileTable::blocked_on(const Instruction& instruction) const {
  for (const BufferedTile& tile : tiles_made_by(instruction)) {
    const auto found = places_.find(tile.tile);
    if (found != places_.end()) continue;
    if (buffer_.can_reserve(tile.address, size_of(tile.tile))) continue;
    return fmt::format("{} needs {} words at word {}; {} of {} words are free",
                       tile_name(tile.tile, *map_), words_of(size_of(tile.tile)).count(),
                       tile.address / 4, words_of(buffer_.free()).count(),
                       words_of(buffer_.capacity()).count());
  }
  return "it waits for tiles that never arrive";
}

}  // namespace spillway::models
