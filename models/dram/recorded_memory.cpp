#include "models/dram/recorded_memory.hpp"

namespace spillway::models::dram {

void RecordedMemory::reset() {
  if (!recording_) record_.clear();
  recording_ = true;
  resting_ = true;
  place_ = 0;
}

std::uint64_t RecordedMemory::transfer(const Request& first, std::uint64_t bursts) {
  return ask({Kind::transfer, first, bursts});
}

std::uint64_t RecordedMemory::reads_done(std::uint8_t requester) {
  return ask({Kind::reads_done, {0, false, 0, requester}});
}

std::uint64_t RecordedMemory::drain() { return ask({Kind::drain, {}}); }

std::uint64_t RecordedMemory::outstanding_reads(std::uint8_t requester, std::uint64_t cycle) {
  return ask({Kind::outstanding_reads, {0, false, cycle, requester}});
}

Statistics RecordedMemory::statistics(std::uint64_t cycle) {
  return statistics_[ask({Kind::statistics, {0, false, cycle, 0}})];
}

std::uint64_t RecordedMemory::ask(const Question& question) {
  if (resting_) {
    if (place_ < record_.size() && record_[place_].question == question) {
      return record_[place_++].answer;
    }
    catch_up();
  }
  const std::uint64_t answer = decide(question);
  ++decided_;
  if (recording_ && record_.size() == longest_) {
    recording_ = false;
    record_.clear();
  }
  if (recording_) record_.push_back({question, answer});
  return answer;
}

std::uint64_t RecordedMemory::decide(const Question& question) {
  const Request& request = question.request;
  switch (question.kind) {
    case Kind::transfer: return memory_.transfer(request, question.bursts);
    case Kind::outstanding_reads:
      memory_.advance(request.earliest_cycle);
      return memory_.outstanding_reads(request.requester);
    case Kind::reads_done: return memory_.reads_done(request.requester);
    case Kind::drain: return memory_.drain();
    case Kind::statistics: break;
  }
  memory_.advance(request.earliest_cycle);
  statistics_.push_back(memory_.statistics(request.earliest_cycle));
  return statistics_.size() - 1;
}

void RecordedMemory::catch_up() {
  record_.resize(place_);
  statistics_.clear();
  memory_.reset();
  for (const Answered& earlier : record_) decide(earlier.question);
  resting_ = false;
}

}  // namespace spillway::models::dram
