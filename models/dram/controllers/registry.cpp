#include "models/dram/controllers/registry.hpp"

#include <algorithm>
#include <stdexcept>

#include "models/dram/controllers/bank_queues.hpp"
#include "models/dram/controllers/row_hits_first.hpp"

namespace spillway::models::dram {

namespace {

template <class Kind>
std::unique_ptr<ChannelController> make_controller(const DramDevice& device) {
  return std::make_unique<Kind>(device);
}

// Ramulator 2: watermarks of 0.8 and 0.2; its refresh manager.
void set_usual_of_row_hits_first(Controller& controller) {
  controller.read_queue = controller.write_queue = 32;
  controller.write_high = 25;
  controller.write_low = 7;
  controller.window = 32;
  controller.rank_refresh = RankRefresh::together;
}

// DRAMsim3: writing begins with a full queue, or with more than 8 while all banks are idle. The
// rest is of its device files.
void set_usual_of_bank_queues(Controller& controller) {
  controller.read_queue = controller.write_queue = 32;
  controller.write_high = 31;
  controller.write_low = 8;
  controller.bank_queue = 8;
  controller.row_hits = 4;
  controller.rank_refresh = RankRefresh::in_turn;
}

}  // namespace

std::span<const ControllerKind> controller_kinds() {
  static const std::vector<ControllerKind> kinds{
      {Scheduler::row_hits_first,
       "row-hits-first",
       {"window"},
       set_usual_of_row_hits_first,
       make_controller<RowHitsFirst>},
      {Scheduler::bank_queues,
       "bank-queues",
       {"bank_queue", "row_hits"},
       set_usual_of_bank_queues,
       make_controller<BankQueues>},
  };
  return kinds;
}

const ControllerKind& controller_kind(Scheduler scheduler) {
  const auto kinds = controller_kinds();
  const auto found = std::ranges::find(kinds, scheduler, &ControllerKind::scheduler);
  if (found == kinds.end()) throw std::logic_error("a controller that is not registered");
  return *found;
}

}  // namespace spillway::models::dram
