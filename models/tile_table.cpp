#include "models/tile_table.hpp"

#include <fmt/format.h>

#include "workloads/support/error.hpp"

namespace spillway::models {

using workloads::ProgramError;
using workloads::words_of;

namespace {

/// Tiles that an instruction makes where they are not resident.
template <class Visit>
void for_each_made(const Instruction& instruction, Visit visit) {
  if (const auto* load = std::get_if<Load>(&instruction)) {
    visit(load->tile);
  } else if (const auto* generate = std::get_if<Generate>(&instruction)) {
    visit(generate->tile);
  } else if (const auto* compute = std::get_if<Compute>(&instruction)) {
    for (const TileView& output : compute->outputs) visit(output.tile);
  }
}

/// The seeds of values that are made.
template <class Made, class Visit>
void for_each_seed(const Made& made, Visit visit) {
  visit(made.seed);
  if (made.sign_seed) visit(*made.sign_seed);
}

std::uint8_t bit_of(EngineKind engine) {
  return static_cast<std::uint8_t>(1U << static_cast<unsigned>(engine));
}

/// Of the engines that read a tile. Those of the engine that waits are done, as it works in order.
EngineKind another_reader(std::uint8_t readers, std::optional<EngineKind> waiting) {
  for (const EngineKind engine : {EngineKind::store, EngineKind::compute, EngineKind::generate}) {
    if ((readers & bit_of(engine)) != 0 && engine != waiting) return engine;
  }
  return EngineKind::store;
}

}  // namespace

TileTable::TileTable(OnChipBuffer& buffer, bool check) : buffer_(buffer), check_(check) {}

void TileTable::begin(const MemoryMap& map) {
  map_ = &map;
  while (!by_address_.empty()) give_up(by_address_.begin()->second);
  tensors_.clear();
  for (const TensorPlacement& place : map) tensors_.push_back({BoxIndex(place.shape), 0, {}});
  pending_stores_.clear();
  stores_issued_ = stores_done_ = 0;
  checked_ = false;
}

void TileTable::end() {
  if (!check_ || by_address_.empty()) return;
  const BufferedTile* first = nullptr;  // by address
  for (const auto& [address, number] : by_address_) {
    if (first == nullptr || address < first->address) first = &entries_[number].tile;
  }
  throw ProgramError(fmt::format("the program ends with {} tile(s) on chip, first {}",
                                 by_address_.size(), tile_name(first->tile, *map_)));
}

/// Space is handed out in whole words.
Bytes TileTable::size_of(const Tile& tile) const {
  return bytes_of(words_of(map_->at(tile.tensor).element * tile.elements()));
}

const TileTable::Entry* TileTable::find(const BufferedTile& tile) const {
  const auto found = by_address_.find(tile.address);
  if (found == by_address_.end()) return nullptr;
  const Entry& entry = entries_[found->second];
  if (entry.freeing || (check_ && entry.tile.tile != tile.tile)) return nullptr;
  return &entry;
}

TileTable::Entry* TileTable::find(const BufferedTile& tile) {
  return const_cast<Entry*>(std::as_const(*this).find(tile));
}

bool TileTable::resident(const Tile& tile) const {
  return tensors_.at(tile.tensor)
      .resident.find_overlapping(tile, [&](Number, const Tile& other) { return other == tile; })
      .has_value();
}

bool TileTable::issue(Instruction& instruction, Issued& issued) {
  if (check_ && !checked_) check(instruction);
  checked_ = true;
  if (!reserve_all(instruction)) return false;
  checked_ = false;
  issued.tickets.clear();
  issued.earlier_stores = 0;
  claim_all(instruction, issued);
  issued.instruction = std::move(instruction);
  return true;
}

/// Reserve the space of the tiles that an instruction makes, of all or of none.
bool TileTable::reserve_all(const Instruction& instruction) {
  bool possible = true;
  for_each_made(instruction, [&](const BufferedTile& tile) {
    if (find(tile) != nullptr) return;
    const Bytes size = size_of(tile.tile);
    if (tile.address + size.count() > buffer_.capacity().count()) {
      refuse(instruction, fmt::format("{} needs {} words at word {}, past the buffer's {} words",
                                      tile_name(tile.tile, *map_), words_of(size).count(),
                                      tile.address / 4, words_of(buffer_.capacity()).count()));
    }
    possible = possible && buffer_.can_reserve(tile.address, size);
  });
  if (!possible) return false;
  // A load and a generate fill their tile; whether a kernel does, poison tells (where its result is
  // plain: one in oneDNN's layout is kept beside the tile until it is asked for).
  const bool filled = !std::holds_alternative<Compute>(instruction);
  for_each_made(instruction, [&](const BufferedTile& tile) {
    if (find(tile) == nullptr) make(tile, filled);
  });
  return true;
}

void TileTable::make(const BufferedTile& tile, bool filled) {
  buffer_.reserve(tile.address, size_of(tile.tile), !filled);
  if (unused_.empty()) {
    unused_.push_back(static_cast<Number>(entries_.size()));
    entries_.emplace_back();
  }
  const Number number = unused_.back();
  unused_.pop_back();
  entries_[number] = Entry{tile};
  by_address_.emplace(tile.address, number);
  if (check_) tensors_.at(tile.tile.tensor).resident.insert(number, tile.tile);
}

/// One instruction claims a tile once; so its outputs are claimed before its inputs.
TileTable::Entry* TileTable::claim(const BufferedTile& tile, bool writes, EngineKind engine,
                                   Issued& issued) {
  Entry* entry = find(tile);
  if (entry == nullptr) return nullptr;
  const auto number = static_cast<Number>(entry - entries_.data());
  for (const Ticket& ticket : issued.tickets) {
    if (ticket.entry == number) return entry;
  }
  issued.tickets.push_back({number, writes, entry->reads_issued, entry->writes_issued,
                            entry->last_writer, entry->readers});
  ++(writes ? entry->writes_issued : entry->reads_issued);
  if (writes) {
    entry->last_writer = engine;
    entry->readers = 0;
  } else {
    entry->readers |= bit_of(engine);
  }
  return entry;
}

void TileTable::claim_all(const Instruction& instruction, Issued& issued) {
  const EngineKind engine = engine_of(instruction).value_or(EngineKind::load);
  const auto read = [&](const BufferedTile& tile) { claim(tile, false, engine, issued); };
  const auto change_tile = [&](const BufferedTile& tile) {
    change(claim(tile, true, engine, issued));
  };
  if (const auto* load = std::get_if<Load>(&instruction)) {
    claim(load->tile, true, engine, issued);
    issued.earlier_stores = stores_before_load(load->tile.tile);
  } else if (const auto* store = std::get_if<Store>(&instruction)) {
    Entry* entry = claim(store->tile, false, engine, issued);
    begin_store(store->tile.tile);
    if (entry != nullptr && entry->dirty) {
      entry->dirty = false;
      --tensors_.at(entry->tile.tile.tensor).dirty;
    }
  } else if (const auto* generate = std::get_if<Generate>(&instruction)) {
    change_tile(generate->tile);
    for_each_seed(*generate, read);
  } else if (const auto* compute = std::get_if<Compute>(&instruction)) {
    for (const TileView& output : compute->outputs) change_tile(output.tile);
    for (const Input& input : compute->inputs) {
      if (const auto* view = std::get_if<TileView>(&input)) {
        read(view->tile);
      } else {
        for_each_seed(std::get<Streamed>(input), read);
      }
    }
  } else {
    free_tile(std::get<Free>(instruction));
  }
}

void TileTable::change(Entry* entry) {
  if (entry == nullptr || entry->dirty) return;
  entry->dirty = true;
  ++tensors_.at(entry->tile.tile.tensor).dirty;
}

void TileTable::free_tile(const Free& free) {
  Entry* entry = find(free.tile);
  if (entry == nullptr) return;
  const auto number = static_cast<Number>(entry - entries_.data());
  TensorState& tensor = tensors_.at(entry->tile.tile.tensor);
  if (check_) tensor.resident.erase(number, entry->tile.tile);
  if (entry->dirty) --tensor.dirty;
  entry->freeing = true;
  if (entry->idle()) give_up(number);
}

void TileTable::give_up(Number number) {
  const std::uint64_t address = entries_[number].tile.address;
  buffer_.release(address);
  by_address_.erase(address);
  unused_.push_back(number);
}

void TileTable::begin_store(const Tile& tile) {
  pending_stores_.push_back({++stores_issued_, tile});
  const TensorPlacement& place = map_->at(tile.tensor);
  if (!check_ || place.given) return;
  ElementSet& stored = tensors_.at(tile.tensor).stored;
  for_each_run(tile, place.shape, Bytes(1),
               [&](const Run& run) { stored.add(run.offset, run.offset + run.size.count()); });
}

/// How many stores have to be done before a load: up to the last one of any of its elements.
std::uint64_t TileTable::stores_before_load(const Tile& tile) const {
  for (auto store = pending_stores_.rbegin(); store != pending_stores_.rend(); ++store) {
    if (store->tile.tensor == tile.tensor && overlap(store->tile, tile)) return store->number;
  }
  return 0;
}

std::optional<EngineKind> TileTable::waits_for(const Issued& issued) const {
  for (const Ticket& ticket : issued.tickets) {
    const Entry& entry = entries_[ticket.entry];
    if (entry.writes_done < ticket.earlier_writes) return ticket.last_writer;
    if (ticket.writes && entry.reads_done < ticket.earlier_reads) {
      return another_reader(ticket.readers, engine_of(issued.instruction));
    }
  }
  if (stores_done_ < issued.earlier_stores) return EngineKind::store;
  return std::nullopt;
}

void TileTable::complete(const Issued& issued) {
  for (const Ticket& ticket : issued.tickets) {
    Entry& entry = entries_[ticket.entry];
    ++(ticket.writes ? entry.writes_done : entry.reads_done);
    if (entry.freeing && entry.idle()) give_up(ticket.entry);
  }
  if (std::holds_alternative<Store>(issued.instruction)) {
    ++stores_done_;
    pending_stores_.pop_front();
  }
}

void TileTable::check(const Instruction& instruction) const {
  if (const auto* load = std::get_if<Load>(&instruction)) {
    check_load(*load, instruction);
  } else if (const auto* store = std::get_if<Store>(&instruction)) {
    if (!check_resident(store->tile, instruction).dirty) {
      refuse(instruction, "it is clean: a redundant transfer");
    }
  } else if (const auto* generate = std::get_if<Generate>(&instruction)) {
    if (resident(generate->tile.tile)) refuse(instruction, "it is resident");
    for_each_seed(*generate, [&](const BufferedTile& seed) { check_resident(seed, instruction); });
    check_coherent(generate->tile.tile, true, instruction);
  } else if (const auto* compute = std::get_if<Compute>(&instruction)) {
    check_compute(*compute, instruction);
  } else if (const auto* free = std::get_if<Free>(&instruction)) {
    if (check_resident(free->tile, instruction).dirty && !free->discard) {
      refuse(instruction, "it was changed and not stored");
    }
  }
}

void TileTable::check_load(const Load& load, const Instruction& instruction) const {
  const Tile& tile = load.tile.tile;
  if (resident(tile)) refuse(instruction, "it is resident: a redundant transfer");
  check_coherent(tile, false, instruction);
  const TensorPlacement& place = map_->at(tile.tensor);
  if (place.given) return;
  const ElementSet& stored = tensors_.at(tile.tensor).stored;
  for_each_run(tile, place.shape, Bytes(1), [&](const Run& run) {
    if (stored.contains(run.offset, run.offset + run.size.count())) return;
    refuse(instruction, "some of it has no value: it is not given, and was not stored");
  });
}

void TileTable::check_compute(const Compute& compute, const Instruction& instruction) const {
  for (const Input& input : compute.inputs) {
    if (const auto* view = std::get_if<TileView>(&input)) {
      check_resident(view->tile, instruction);
      check_view(*view, instruction);
    } else {
      for_each_seed(std::get<Streamed>(input),
                    [&](const BufferedTile& seed) { check_resident(seed, instruction); });
    }
  }
  const workloads::Contract& contract = contracts_.of(compute.kernel);
  const bool adds = compute.kernel.accumulates();
  for (std::size_t i = 0; i < compute.outputs.size(); ++i) {
    const TileView& output = compute.outputs[i];
    const Entry* entry = find(output.tile);
    const bool added = adds && contract.outputs[i].join != workloads::Join::never;
    if (entry == nullptr && (added || resident(output.tile.tile))) {
      check_resident(output.tile, instruction);
    }
    check_view(output, instruction);
    if (entry == nullptr || !entry->dirty) check_coherent(output.tile.tile, true, instruction);
    for (const TileView& other : compute.outputs) {
      const Tile &tile = output.tile.tile, &another = other.tile.tile;
      if (tile.tensor != another.tensor || tile == another || !overlap(tile, another)) continue;
      refuse(instruction, fmt::format("incoherent: it changes {} and {}", tile_name(tile, *map_),
                                      tile_name(another, *map_)));
    }
  }
  check_sizes(compute, contract, instruction);
}

void TileTable::check_sizes(const Compute& compute, const workloads::Contract& contract,
                            const Instruction& instruction) const {
  const auto check_count = [&](std::size_t found, std::size_t least, std::size_t most) {
    if (found >= least && found <= most) return;
    refuse(instruction, fmt::format("it has {} operands on one side; its kernel takes {} to {}",
                                    found, least, most));
  };
  const auto check_size = [&](const Tile& tile, Bytes wanted) {
    const Bytes found = map_->at(tile.tensor).element * tile.elements();
    if (found == wanted) return;
    refuse(instruction, fmt::format("{} has {} bytes; its kernel takes {}", tile_name(tile, *map_),
                                    found.count(), wanted.count()));
  };
  check_count(compute.inputs.size(), contract.required_inputs(), contract.inputs.size());
  check_count(compute.outputs.size(), contract.required_outputs(), contract.outputs.size());
  for (std::size_t i = 0; i < compute.inputs.size(); ++i) {
    const auto* view = std::get_if<TileView>(&compute.inputs[i]);
    check_size(view != nullptr ? view->part : std::get<Streamed>(compute.inputs[i]).tile,
               contract.inputs[i].bytes());
  }
  for (std::size_t i = 0; i < compute.outputs.size(); ++i) {
    check_size(compute.outputs[i].part, contract.outputs[i].bytes());
  }
}

void TileTable::check_view(const TileView& view, const Instruction& instruction) const {
  if (view.is_whole() || contains(view.tile.tile, view.part)) return;
  refuse(instruction, fmt::format("{} is no part of {}", tile_name(view.part, *map_),
                                  tile_name(view.tile.tile, *map_)));
}

const TileTable::Entry& TileTable::check_resident(const BufferedTile& tile,
                                                  const Instruction& instruction) const {
  if (const Entry* entry = find(tile)) return *entry;
  refuse(instruction, fmt::format("{} is absent", tile_name(tile.tile, *map_)));
}

/// A tile about to be on chip, or to be changed: of the tiles that overlap it, none may hold other
/// values for the same elements.
void TileTable::check_coherent(const Tile& tile, bool changed,
                               const Instruction& instruction) const {
  const TensorState& tensor = tensors_.at(tile.tensor);
  if (!changed && tensor.dirty == 0) return;
  const auto other = tensor.resident.find_overlapping(tile, [&](Number number, const Tile& box) {
    return box != tile && (changed || entries_[number].dirty);
  });
  if (!other) return;
  refuse(instruction,
         fmt::format("incoherent: {} overlaps {}, which is resident{}", tile_name(tile, *map_),
                     tile_name(entries_[*other].tile.tile, *map_),
                     entries_[*other].dirty ? " and changed" : ""));
}

void TileTable::refuse(const Instruction& instruction, const std::string& why) const {
  throw ProgramError(fmt::format("illegal program: {}: {}", describe(instruction, *map_), why));
}

std::string TileTable::blocked_on(const Instruction& instruction) const {
  std::string reason;
  for_each_made(instruction, [&](const BufferedTile& tile) {
    if (!reason.empty() || find(tile) != nullptr) return;
    if (buffer_.can_reserve(tile.address, size_of(tile.tile))) return;
    reason = fmt::format("{} needs {} words at word {}; {} of {} words are free",
                         tile_name(tile.tile, *map_), words_of(size_of(tile.tile)).count(),
                         tile.address / 4, words_of(buffer_.free()).count(),
                         words_of(buffer_.capacity()).count());
  });
  return reason.empty() ? "it waits for tiles that never arrive" : reason;
}

}  // namespace spillway::models
