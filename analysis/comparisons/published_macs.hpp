// MACs of backpropagation beside published figures of the same networks, with the reason of each
// difference.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "workloads/network.hpp"

namespace spillway::analysis {

/// A line of analysis/reference/mlperf_tiny_macs.csv: MACs of one step on one example.
struct PublishedMacs {
  std::string network;
  std::uint64_t macs;
  std::uint64_t softmax;  ///< counted for each output, with the converters around it
  std::uint64_t slip;     ///< counted in error
  std::string slip_reason;
};
std::vector<PublishedMacs> read_published_macs(const std::filesystem::path& path);
std::filesystem::path published_macs_file();

/// What a publication counts and we do not. We count products with weights: with M the forward
/// pass's, taps on padding counted, and M_1 the first layer's, 3 M - M_1 for the three passes, of
/// which that of errors ends above the first layer.
struct MacComparison {
  PublishedMacs published;
  std::uint64_t ours = 0;
  std::uint64_t error = 0;    ///< one for each output: its error
  std::uint64_t softmax = 0;  ///< of all outputs
  std::uint64_t pooling = 0;  ///< one for each value averaged, forward and backward
  std::uint64_t sums = 0;     ///< one for each value of a sum of branches
  std::int64_t difference() const {
    return static_cast<std::int64_t>(published.macs) - static_cast<std::int64_t>(ours);
  }
  /// What the reasons leave.
  std::int64_t unexplained() const {
    return difference() -
           static_cast<std::int64_t>(error + softmax + pooling + sums + published.slip);
  }
};

/// Of a network as its step of one example under `bp` counts them.
MacComparison compare_macs(const workloads::Network& network, const PublishedMacs& published);
/// The shipped networks of a file's lines.
std::vector<MacComparison> compare_macs(const std::vector<PublishedMacs>& published);

std::string published_macs_text(const std::vector<MacComparison>& rows);
std::string published_macs_json(const std::vector<MacComparison>& rows);

}  // namespace spillway::analysis
