// A oneDNN primitive made ready to run on plain row-major memory. Internal to the kernels.
#pragma once

#include <cstddef>
#include <oneapi/dnnl/dnnl.hpp>
#include <unordered_map>
#include <utility>
#include <vector>

namespace spillway::workloads {

/// A primitive with the operands it wants: each is handed over as plain memory and reordered to and
/// from the layout that the primitive chose where that is another one.
class Prepared {
 public:
  Prepared(const dnnl::engine& engine, dnnl::primitive primitive)
      : engine_(engine), primitive_(std::move(primitive)) {}

  void add_input(int argument, const dnnl::memory::desc& outside,
                 const dnnl::memory::desc& inside) {
    operands_.emplace_back(engine_, argument, outside, inside, true);
  }
  void add_output(int argument, const dnnl::memory::desc& outside,
                  const dnnl::memory::desc& inside) {
    operands_.emplace_back(engine_, argument, outside, inside, false);
  }

  /// `data` in the order in which the operands were added.
  void run(dnnl::stream& stream, const std::vector<std::byte*>& data) {
    std::unordered_map<int, dnnl::memory> arguments;
    for (std::size_t i = 0; i < operands_.size(); ++i) {
      Operand& operand = operands_[i];
      operand.outside.set_data_handle(data[i]);
      if (operand.reordered && operand.input) {
        operand.reorder.execute(stream, operand.outside, operand.inside);
      }
      arguments.emplace(operand.argument, operand.reordered ? operand.inside : operand.outside);
    }
    primitive_.execute(stream, arguments);
    for (Operand& operand : operands_) {
      if (operand.reordered && !operand.input) {
        operand.reorder.execute(stream, operand.inside, operand.outside);
      }
    }
    stream.wait();
  }

 private:
  struct Operand {
    Operand(const dnnl::engine& engine, int argument_index, const dnnl::memory::desc& outside_desc,
            const dnnl::memory::desc& inside_desc, bool is_input)
        : argument(argument_index),
          input(is_input),
          reordered(outside_desc != inside_desc),
          outside(outside_desc, engine, nullptr) {
      if (!reordered) return;
      inside = dnnl::memory(inside_desc, engine);
      reorder = input ? dnnl::reorder(outside, inside) : dnnl::reorder(inside, outside);
    }
    int argument;
    bool input, reordered;
    dnnl::memory outside, inside;
    dnnl::reorder reorder;
  };

  dnnl::engine engine_;
  dnnl::primitive primitive_;
  std::vector<Operand> operands_;
};

}  // namespace spillway::workloads
