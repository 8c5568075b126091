// What each engine does at each time: it works, its next instruction waits, or it has none.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "workloads/support/units.hpp"

namespace spillway::models {

using workloads::Picoseconds;

enum class EngineKind : std::uint8_t { load, store, compute, generate };
inline constexpr std::array all_engines{EngineKind::load, EngineKind::store, EngineKind::compute,
                                        EngineKind::generate};
const char* engine_name(EngineKind kind);

struct EngineTimes {
  Picoseconds load, store, compute, generate;

  Picoseconds& of(EngineKind kind);
  Picoseconds of(EngineKind kind) const;
};

/// What a tile waits for: an engine that still uses it; or, of a kernel that takes random values as
/// they are made, the PRNG unit.
enum class StallCause : std::uint8_t { load, store, compute, generate, random_words };
inline constexpr std::array all_stall_causes{StallCause::load, StallCause::store,
                                             StallCause::compute, StallCause::generate,
                                             StallCause::random_words};
const char* stall_cause_name(StallCause cause);

/// Time in which an engine had an instruction and could not work on it, by cause.
struct Stalls {
  std::array<Picoseconds, all_stall_causes.size()> by_cause;

  Picoseconds& on(StallCause cause) { return by_cause[static_cast<std::size_t>(cause)]; }
  Picoseconds on(StallCause cause) const { return by_cause[static_cast<std::size_t>(cause)]; }
  Picoseconds total() const;
  Stalls& operator+=(const Stalls& other);
};

/// By engine.
struct EngineStalls {
  std::array<Stalls, all_engines.size()> by_engine;

  Stalls& of(EngineKind kind) { return by_engine[static_cast<std::size_t>(kind)]; }
  const Stalls& of(EngineKind kind) const { return by_engine[static_cast<std::size_t>(kind)]; }
  EngineStalls& operator+=(const EngineStalls& other);
};

/// Time in which no instruction could be issued, as long as there was one.
struct IssueTimes {
  Picoseconds buffer_space;  ///< its tiles' places in the buffer were still in use
  Picoseconds full_queue;    ///< its engine had as many instructions as its queue holds
};

}  // namespace spillway::models
