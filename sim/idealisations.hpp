// What the paper leaves out of its counts, by name. An idealised item lives behind the host port,
// where it is counted in a column of its own; any other lives in DRAM.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "workloads/step.hpp"
#include "workloads/support/config.hpp"
#include "workloads/support/names.hpp"

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

/// In the order of reports.
inline constexpr workloads::Names<Item, 11> item_names{{
    {Item::input_images, "input images"},
    {Item::labels, "labels"},
    {Item::biases, "biases"},
    {Item::norm_parameters, "batch norm parameters"},
    {Item::norm_statistics, "batch norm statistics"},
    {Item::norm_inputs, "batch norm inputs"},
    {Item::optimizer_state, "optimizer state"},
    {Item::readout_layer, "readout layer"},
    {Item::pooling_winners, "pooling winners"},
    {Item::seeds, "seeds"},
    {Item::metrics, "metrics"},
}};
/// All items, in that order.
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
