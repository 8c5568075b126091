// What the paper leaves out of its counts, by name. An idealised item lives behind the host port,
// where it is counted in a column of its own; any other lives in DRAM.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "workloads/step.hpp"
#include "workloads/support/config.hpp"

namespace spillway::sim {

enum class Item {
  input_images,
  labels,
  biases,
  norm_parameters,
  norm_statistics,
  norm_inputs,
  optimizer_state,
  readout_layer,
  pooling_winners,
  seeds,
  metrics,
};

/// All items, in the order of reports.
const std::vector<Item>& all_items();
std::string to_string(Item item);  ///< "input images" …

/// The item that a tensor belongs to; weights and activations belong to none.
std::optional<Item> item_of(const workloads::Step& step, const workloads::Tensor& tensor);

class Idealisations {
 public:
  static Idealisations paper();  ///< every item
  static Idealisations paper_but(Item item);
  static Idealisations none() { return {}; }

  void add(Item item);
  bool contains(Item item) const;

 private:
  std::vector<Item> items_;
};

/// "paper", "none" or a list of item names. Throws InputError.
Idealisations read_idealisations(const workloads::Config& config);

}  // namespace spillway::sim
