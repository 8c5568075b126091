// The paper's Table 1, and our rules' closed forms, as formulas on a network's counts alone:
// nothing here knows of plans or runs.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "workloads/network.hpp"
#include "workloads/rules/rule.hpp"

namespace spillway::analysis {

using workloads::ClosedForm;
using workloads::Macs;
using workloads::Words;

/// The paper's three networks, by the names of the shipped files.
const std::vector<std::string>& paper_networks();

/// The rules that Table 1 has a row for.
enum class Table1Rule { bp, lel };
/// With the names of our rules that they are, in the order of the table.
const std::vector<std::pair<Table1Rule, std::string>>& table1_rules();
bool is_table1_rule(const std::string& name);

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
/// BP: reads 2|P| + |A|, writes |P| + |A| a mini-batch; LEL: reads |P|, writes |P|. Where the last
/// layer gives the scores (`Readout::none`), |P| has its weights and |A|, here and below, has not
/// its outputs: scores stay on chip up to the loss, and their errors up to that layer's gradients.
Table1Words table1_words(const workloads::Network& network, Table1Rule rule,
                         const Table1Scale& scale);

/// One mini-batch of a rule that carries its closed form (workloads/rules/registry.cpp), from the
/// same lifetimes as Table 1; layers fixed by `fix` are none of the paper's formulas but follow
/// from them.
///
/// * bp: 2|P| + |A| and |P| + |A|, as in Table 1.
/// * fa: random weights B_i take the place of W_i on the way back; they come from the PRNG unit and
///   cost no words. But W_i must still be read in the backward pass, to be updated and written, and
///   A_i for the weight gradient. So fa moves exactly what bp moves.
/// * dfa: the readout's error goes to each layer through a B_i of its own. Again each W_i is read
///   once forward and once for its update, and each A_i is kept for the gradients: as bp.
/// * lel, lel-scfb, lel-independent: |P| and |P|; K like M comes from the PRNG unit.
/// * lel-tlc: M_i is trained in the stage of its layer, so that it is read and written once a
///   mini-batch like W_i: |P| + |M| both ways, with |M_i| = C |A_i| of one example.
/// * A layer that keeps its weights (`fix`) reads them and does not write them.
/// * A last layer that gives the scores has no classifier and no B_i under any rule.
Table1Words closed_form_words(const workloads::Network& network, const ClosedForm& form,
                              std::uint64_t batch, int fix = 0);

/// Border-exact MACs of one mini-batch, the readout's left out: bp and fa three passes but for the
/// input's gradient; dfa two, and C |A_i| for each layer's error; lel two, and 2 C |A_i| for the
/// classifier and the error; lel-tlc C |A_i| more for the classifier's gradient. A fixed layer has
/// no weight gradient, and none of an error either when it has no batch-norm to train.
Macs closed_form_macs(const workloads::Network& network, const ClosedForm& form,
                      std::uint64_t batch, int fix = 0);

/// The same by the rule's name. Throws InputError when there is no such rule, or none with a closed
/// form.
Table1Words rule_words(const workloads::Network& network, const std::string& rule,
                       std::uint64_t batch, int fix = 0);
Macs rule_macs(const workloads::Network& network, const std::string& rule, std::uint64_t batch,
               int fix = 0);

/// Throws InputError for a network that is no chain, of which `what` has no formulas.
void require_chain(const workloads::Network& network, const std::string& what);

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
