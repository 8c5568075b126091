// The paper's Table 1 as formulas on a network's counts alone: nothing here knows of plans or runs.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "workloads/network.hpp"

namespace spillway::analysis {

using workloads::Macs;
using workloads::Words;

/// The paper's three networks, by the names of the shipped files.
const std::vector<std::string>& paper_networks();

/// The rules that Table 1 has a row for.
enum class Table1Rule { bp, lel };

struct Table1Scale {
  std::uint64_t batch = 100;            ///< examples in a mini-batch
  std::uint64_t epochs = 1;             ///< N_e
  std::uint64_t batches_per_epoch = 1;  ///< N_b
  /// The LEL row as printed, without N_b: right only where a layer's weights stay on chip for a
  /// whole epoch. By default weights are read and written at every mini-batch.
  bool literal = false;
};

struct Table1Words {
  Words reads, writes;
};
/// BP: reads 2|P| + |A|, writes |P| + |A| a mini-batch; LEL: reads |P|, writes |P|.
Table1Words table1_words(const workloads::Network& network, Table1Rule rule,
                         const Table1Scale& scale);

/// Three readings of the MAC column: Figure 2 with the input layer, padding counted; the sum as
/// printed, i = 1 … L with R_L = 0; and border-exact without the input's gradient.
enum class MacReading { figure2, printed, exact };
Macs table1_macs(const workloads::Network& network, Table1Rule rule, MacReading reading,
                 const Table1Scale& scale);

/// On-board memory that the paper asks for: the largest |P_i| + mini-batch |A_i|.
Words paper_memory(const workloads::Network& network, std::uint64_t batch);

/// The exact condition for fewer MACs with LEL: C sum |A_i| < 0.5 sum R_i |A_i| (over the MACs that
/// the reading Figure 2 counts).
bool lel_needs_fewer_macs(const workloads::Network& network);

}  // namespace spillway::analysis
