#include "workloads/kernels/operands.hpp"

namespace spillway::workloads {

namespace {

Bytes floats(std::int64_t count) { return Bytes(4) * static_cast<std::uint64_t>(count); }

struct Dense {
  Bytes x, weights, bias, y;
  explicit Dense(const DenseGeometry& s)
      : x(floats(s.batch * s.inputs)),
        weights(floats(s.inputs * s.outputs)),
        bias(floats(s.outputs)),
        y(floats(s.batch * s.outputs)) {}
};

struct Conv {
  Bytes x, weights, bias, y;
  explicit Conv(const ConvGeometry& s)
      : x(floats(s.batch * s.input.elements())),
        weights(floats(s.output.channels * (s.input.channels / s.groups) * s.window.kernel[0] *
                       s.window.kernel[1])),
        bias(floats(s.output.channels)),
        y(floats(s.batch * s.output.elements())) {}
};

struct Norm {
  Bytes map, channels;
  explicit Norm(const NormGeometry& s)
      : map(floats(s.batch * s.channels * s.height * s.width)), channels(floats(2 * s.channels)) {}
};

template <class Parts>
OperandSizes forward(const Parts& p) {
  return {{p.x, p.weights, p.bias}, {p.y}, 2, 1};
}
template <class Parts>
OperandSizes input_gradient(const Parts& p) {
  return {{p.y, p.weights}, {p.x}, 2, 1};
}
template <class Parts>
OperandSizes weight_gradient(const Parts& p) {
  return {{p.y, p.x}, {p.weights, p.bias}, 2, 1};
}

template <class Loss>
OperandSizes loss(const Loss& k) {
  const Bytes scores = floats(k.batch * k.classes);
  Bytes targets = floats(k.batch);
  if constexpr (requires { k.targets; }) {
    if (k.targets == TargetKind::values) targets = scores;
  }
  if (k.with_error) return {{scores, targets}, {scores, floats(2)}, 2, 2};
  return {{scores, targets}, {floats(2)}, 2, 1};
}

struct Sizes {
  OperandSizes operator()(const ConvForward& k) const { return forward(Conv(k.shape)); }
  OperandSizes operator()(const ConvInputGradient& k) const {
    return input_gradient(Conv(k.shape));
  }
  OperandSizes operator()(const ConvWeightGradient& k) const {
    return weight_gradient(Conv(k.shape));
  }
  OperandSizes operator()(const FcForward& k) const { return forward(Dense(k.shape)); }
  OperandSizes operator()(const FcInputGradient& k) const { return input_gradient(Dense(k.shape)); }
  OperandSizes operator()(const FcWeightGradient& k) const {
    return weight_gradient(Dense(k.shape));
  }
  OperandSizes operator()(const ClassifierForward& k) const {
    const Dense p(k.shape);
    return {{p.x, p.weights}, {p.y}, 2, 1};
  }
  OperandSizes operator()(const ClassifierError& k) const { return input_gradient(Dense(k.shape)); }
  OperandSizes operator()(const ClassifierWeightGradient& k) const {
    const Dense p(k.shape);
    return {{p.y, p.x}, {p.weights}, 2, 1};
  }
  OperandSizes operator()(const BatchNorm& k) const {
    const Norm p(k.shape);
    return {{p.map, p.channels, p.channels}, {p.map, p.channels, p.channels}, 3, 3};
  }
  OperandSizes operator()(const BatchNormInference& k) const {
    const Norm p(k.shape);
    return {{p.map, p.channels, p.channels}, {p.map}, 3, 1};
  }
  OperandSizes operator()(const BatchNormError& k) const {
    const Norm p(k.shape);
    return {{p.map, p.map, p.channels, p.channels}, {p.map, p.channels}, 4, 2};
  }
  OperandSizes operator()(const NormStatistics& k) const {
    const Norm p(k.shape);
    return {{p.map}, {p.channels}, 1, 1};
  }
  OperandSizes operator()(const NormRunning& k) const {
    const Bytes size = floats(2 * k.channels);
    return {{size, size}, {size}, 2, 1};
  }
  OperandSizes operator()(const NormApply& k) const {
    const Norm p(k.shape);
    return {{p.map, p.channels, p.channels}, {p.map}, 3, 1};
  }
  OperandSizes operator()(const NormErrorSums& k) const {
    const Norm p(k.shape);
    return {{p.map, p.map, p.channels}, {p.channels}, 3, 1};
  }
  OperandSizes operator()(const NormErrorApply& k) const {
    const Norm p(k.shape);
    return {{p.map, p.map, p.channels, p.channels, p.channels}, {p.map}, 5, 1};
  }
  OperandSizes operator()(const Dropout& k) const {
    const Bytes values = floats(k.elements);
    return {{values, Bytes(static_cast<std::uint64_t>(k.elements))}, {values}, 2, 1};
  }
  OperandSizes operator()(const AdvanceSeed&) const { return {{floats(1)}, {floats(1)}, 1, 1}; }
  OperandSizes operator()(const Relu& k) const {
    return {{floats(k.elements)}, {floats(k.elements)}, 1, 1};
  }
  OperandSizes operator()(const ReluError& k) const {
    return {{floats(k.elements), floats(k.elements)}, {floats(k.elements)}, 2, 1};
  }
  OperandSizes operator()(const MaxPool& k) const {
    const std::int64_t out = k.shape.batch * k.shape.output.elements();
    return {{floats(k.shape.batch * k.shape.input.elements())},
            {floats(out), Bytes(static_cast<std::uint64_t>(out))},
            1,
            2};
  }
  OperandSizes operator()(const MaxPoolError& k) const {
    const std::int64_t out = k.shape.batch * k.shape.output.elements();
    return {{floats(out), Bytes(static_cast<std::uint64_t>(out))},
            {floats(k.shape.batch * k.shape.input.elements())},
            2,
            1};
  }
  OperandSizes operator()(const SoftmaxCrossEntropy& k) const { return loss(k); }
  OperandSizes operator()(const SquareHinge& k) const { return loss(k); }
  OperandSizes operator()(const SquaredError& k) const { return loss(k); }
  OperandSizes operator()(const Update& k) const {
    const Bytes size = floats(k.elements);
    if (k.momentum == 0) return {{size, size}, {size}, 2, 1};
    return {{size, size, size}, {size, size}, 3, 2};
  }
};

}  // namespace

OperandSizes operand_sizes(const Kernel& kernel) { return std::visit(Sizes{}, kernel); }

}  // namespace spillway::workloads
