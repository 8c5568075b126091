// The two ways to compute a convolution. Internal to the kernels.
#pragma once

#include <map>

#include "workloads/kernels/convolution.hpp"
#include "workloads/kernels/execution.hpp"

namespace spillway::workloads {

/// By oneDNN, which chooses the layouts of maps and weights; and by plain loops what it does not
/// take.
class Convolutions {
 public:
  explicit Convolutions(Layouts& layouts) : layouts_(layouts) {}
  void run(const ConvForward& kernel, Inputs in, Outputs out);
  void run(const ConvInputGradient& kernel, Inputs in, Outputs out);
  void run(const ConvWeightGradient& kernel, Inputs in, Outputs out);

 private:
  void run(const Primitive& primitive, bool accumulate, Inputs in, Outputs out);

  Layouts& layouts_;
  std::map<Key, Primitive> primitives_;
};

void run_plainly(Layouts& layouts, const ConvForward& kernel, Inputs in, Outputs out);
void run_plainly(Layouts& layouts, const ConvInputGradient& kernel, Inputs in, Outputs out);
/// Of dweights alone.
void run_plainly(Layouts& layouts, const ConvWeightGradient& kernel, Inputs in, Outputs out);
/// dbias alone, of the rows and columns of dy from `bias_begin` on.
void sum_errors(Layouts& layouts, const ConvWeightGradient& kernel, const std::byte* errors,
                std::byte* result);

}  // namespace spillway::workloads
