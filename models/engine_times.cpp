#include "models/engine_times.hpp"

namespace spillway::models {

const char* engine_name(EngineKind kind) {
  switch (kind) {
    case EngineKind::load: return "load";
    case EngineKind::store: return "store";
    case EngineKind::compute: return "compute";
    case EngineKind::generate: return "generate";
  }
  return "";
}

const char* stall_cause_name(StallCause cause) {
  if (cause == StallCause::random_words) return "random words";
  return engine_name(static_cast<EngineKind>(cause));
}

Picoseconds& EngineTimes::of(EngineKind kind) {
  switch (kind) {
    case EngineKind::load: return load;
    case EngineKind::store: return store;
    case EngineKind::compute: return compute;
    case EngineKind::generate: break;
  }
  return generate;
}

Picoseconds EngineTimes::of(EngineKind kind) const { return EngineTimes(*this).of(kind); }

Picoseconds Stalls::total() const {
  Picoseconds sum;
  for (const Picoseconds time : by_cause) sum += time;
  return sum;
}

Stalls& Stalls::operator+=(const Stalls& other) {
  for (const StallCause cause : all_stall_causes) on(cause) += other.on(cause);
  return *this;
}

EngineStalls& EngineStalls::operator+=(const EngineStalls& other) {
  for (const EngineKind kind : all_engines) of(kind) += other.of(kind);
  return *this;
}

}  // namespace spillway::models
