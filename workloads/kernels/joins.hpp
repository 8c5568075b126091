// Where several tensors meet in one and part again: sums, concatenation along channels, and the
// channels of one part.
#pragma once

#include <array>

#include "workloads/kernels/kernel.hpp"

namespace spillway::workloads {

/// Terms of a sum and parts of a concatenation, at most.
inline constexpr std::int64_t most_joined = 6;

/// x_1 … x_n -> y, their sum, added up in that order; y may lie on x_1. Of one term: a copy.
struct Sum {
  static constexpr std::string_view name = "sum";
  std::int64_t elements;
  std::int64_t terms;  ///< 1 to most_joined

  Contract contract() const;
  Sum on_boxes(Boxes in, Boxes out, bool accumulate) const;
  bool accumulates() const { return false; }
  void run(Execution& execution, Inputs in, Outputs out) const;
};

/// Examples of channels x height x width; flat ones, [batch, channels], have one pixel a channel.
struct JoinedMaps {
  std::int64_t batch, height, width;
  bool flat;
};

/// x_1 … x_n -> y: their channels one after the other. It takes all channels of each.
struct Concat {
  static constexpr std::string_view name = "concatenation";
  JoinedMaps maps;
  std::array<std::int64_t, most_joined> channels;  ///< of each part
  std::int64_t parts;                              ///< 1 to most_joined

  Contract contract() const;
  Concat on_boxes(Boxes in, Boxes out, bool accumulate) const;
  bool accumulates() const { return false; }
  void run(Execution& execution, Inputs in, Outputs out) const;
};

/// x -> y: channels first … first + channels - 1 of x, which has `all` of them.
struct ChannelSlice {
  static constexpr std::string_view name = "slice of channels";
  JoinedMaps maps;
  std::int64_t first, channels, all;

  Contract contract() const;
  ChannelSlice on_boxes(Boxes in, Boxes out, bool accumulate) const;
  bool accumulates() const { return false; }
  void run(Execution& execution, Inputs in, Outputs out) const;
};

}  // namespace spillway::workloads
