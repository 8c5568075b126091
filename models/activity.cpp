#include "models/activity.hpp"

#include <algorithm>

namespace spillway::models {

void Activity::begin_transfer(Picoseconds now) {
  advance(now);
  ++open_;
}

void Activity::end_transfer(Picoseconds now) {
  advance(now);
  --open_;
}

void Activity::work(Picoseconds now, Picoseconds until) {
  advance(now);
  const Picoseconds from = std::max(now, until_);
  if (until > from) {
    active_ += until - from;
    until_ = until;
  }
}

void Activity::advance(Picoseconds now) {
  if (open_ > 0) {
    transfers_ += now - now_;
    const Picoseconds from = std::max(now_, until_);
    if (now > from) active_ += now - from;
  }
  now_ = now;
}

}  // namespace spillway::models
