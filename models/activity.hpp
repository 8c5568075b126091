// When any of several engines is at work, added up while they work.
#pragma once

#include "workloads/support/units.hpp"

namespace spillway::models {

using workloads::Picoseconds;

/// Is told of work in the order in which it begins and ends; work that overlaps counts once.
class Activity {
 public:
  /// A transfer, whose end is not known when it begins.
  void begin_transfer(Picoseconds now);
  void end_transfer(Picoseconds now);
  /// Other work that begins now.
  void work(Picoseconds now, Picoseconds until);

  Picoseconds transfers() const { return transfers_; }  ///< that have ended
  Picoseconds active() const { return active_; }

 private:
  void advance(Picoseconds now);

  int open_ = 0;           // transfers under way
  Picoseconds now_;        // of the last call
  Picoseconds until_;      // up to which work is counted
  Picoseconds transfers_;  // up to now_
  Picoseconds active_;
};

}  // namespace spillway::models
