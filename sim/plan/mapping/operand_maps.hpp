// How each tensor of some operations follows the axes that they run along together.
#pragma once

#include <initializer_list>
#include <map>
#include <optional>
#include <vector>

#include "sim/plan/mapping/nest.hpp"
#include "sim/plan/operations/phases.hpp"
#include "workloads/step.hpp"

namespace spillway::sim {

struct NestRequest;

/// The tensors of this kind have a first dimension of examples.
bool has_examples(workloads::TensorKind kind);

/// How each tensor of a nest follows its axes; found for the main operands and handed on from
/// operand to operand.
class OperandMaps {
 public:
  OperandMaps(const workloads::Step& step, NestSpec& spec) : step_(step), spec_(spec) {}

  void set(workloads::TensorId id, std::initializer_list<Projection> dims);
  void set(workloads::TensorId id, const Projections& dims) { known_.emplace(id, dims); }
  const Projections* find(workloads::TensorId id) const;

  void main(const OpPart& part, const NestRequest& request);

  /// Without a main operation: along the dimensions of a tensor as they are.
  void follow(workloads::TensorId id);

  /// A loss by itself: a few examples at a time, or where it takes values one by one, and as they
  /// lie, any part of them.
  void loss(const OpPart& part);

  /// Hand on what is known until nothing new is found.
  void complete(const std::vector<OpPart>& ops);

 private:
  const workloads::Tensor& tensor(workloads::TensorId id) const { return step_.tensor(id); }
  std::int64_t size(workloads::TensorId id, std::size_t d) const { return tensor(id).shape.at(d); }

  struct Conv {
    Projection row_out, column_out, row_in, column_in;
  };
  /// Rows and columns of a convolution's two sides.
  Conv sides(const workloads::ConvGeometry& g, const workloads::PoolGeometry* pool, bool cut_input);

  void conv_operands(const workloads::ConvGeometry& g, const NestRequest& request, bool cut_input,
                     workloads::TensorId x, workloads::TensorId y, workloads::TensorId weights);

  /// Examples x features; features of a conv layer go by channels, and within those by rows and
  /// columns where maps are cut.
  void features(workloads::TensorId id, Axis axis, bool cut_maps = false);

  /// Of a matrix whose dimension `at` (and the two after it, in four dimensions) are features.
  Projections matrix(workloads::TensorId id, const Projections& like, std::size_t at,
                     const Projection& other);

  void dense_operands(const workloads::DenseGeometry& g, workloads::TensorId x,
                      workloads::TensorId y, workloads::TensorId weights, bool cut_maps = false);
  /// A classifier alone: scores along `scores`, features along the other axis.
  void classifier_operands(const workloads::DenseGeometry& g, workloads::TensorId y,
                           workloads::TensorId matrix_id, workloads::TensorId scores,
                           Axis features_axis, Axis scores_axis);

  template <class K>
  void main_operands(const K& k, const OpPart& part, const NestRequest& request);

  Projection find_outputs(const OpPart& part) const;

  void alike(const std::vector<workloads::TensorId>& ids);

  /// A vector [channels] or a pair of them [2, channels] beside a map.
  void beside(workloads::TensorId map, workloads::TensorId channels);

  void pooled(const workloads::PoolGeometry& g, workloads::TensorId before,
              std::initializer_list<workloads::TensorId> after);

  void classifier(workloads::TensorId map, workloads::TensorId matrix_id,
                  workloads::TensorId scores, std::size_t features_at,
                  std::optional<workloads::TensorId> bias);

  void hand_on(const OpPart& part);

  /// Maps are the operands with examples; all others are channels.
  void norm(const std::vector<workloads::TensorId>& in,
            const std::vector<workloads::TensorId>& out);

  const workloads::Step& step_;
  NestSpec& spec_;
  std::map<workloads::TensorId, Projections> known_;
};

}  // namespace spillway::sim
