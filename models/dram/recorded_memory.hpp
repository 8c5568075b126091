// A memory that serves one program after another, each from power-up. Its answers depend on the
// questions alone, and the steps of a training ask the same ones again and again: those of the last
// program are kept with their answers, and as long as the next one asks the same, no cycle is
// decided a second time. The first question that differs is answered by the memory itself, brought
// to where it would be.
#pragma once

#include <cstdint>
#include <vector>

#include "models/dram/channel.hpp"

namespace spillway::models::dram {

class RecordedMemory {
 public:
  /// Programs of more questions are not kept.
  static constexpr std::size_t longest_record = std::size_t{1} << 18;

  explicit RecordedMemory(const DramDevice& device, std::size_t longest = longest_record)
      : memory_(device), longest_(longest) {}

  /// A new program, from power-up.
  void reset();

  // As Memory's.
  std::uint64_t transfer(const Request& first, std::uint64_t bursts);
  std::uint64_t reads_done(std::uint8_t requester);
  std::uint64_t drain();
  const DramDevice& device() const { return memory_.device(); }

  /// When all cycles up to `cycle` are decided.
  std::uint64_t outstanding_reads(std::uint8_t requester, std::uint64_t cycle);
  Statistics statistics(std::uint64_t cycle);

  /// Answers that the memory itself gave, since the beginning.
  std::uint64_t decided() const { return decided_; }

 private:
  enum class Kind : std::uint8_t { transfer, outstanding_reads, reads_done, drain, statistics };
  struct Question {
    Kind kind = Kind::drain;
    Request request;  // of the others than a transfer: its cycle and its requester
    std::uint64_t bursts = 0;
    bool operator==(const Question&) const = default;
  };
  struct Answered {
    Question question;
    std::uint64_t answer;
  };

  std::uint64_t ask(const Question& question);
  std::uint64_t decide(const Question& question);
  void catch_up();

  Memory memory_;
  std::size_t longest_;
  std::vector<Answered> record_;
  std::vector<Statistics> statistics_;  // an answer is a place in here
  std::size_t place_ = 0;               // of the next question, while the memory rests
  bool resting_ = true;
  bool recording_ = true;
  std::uint64_t decided_ = 0;
};

}  // namespace spillway::models::dram
