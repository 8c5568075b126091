#include "workloads/kernels/convolution_algorithms.hpp"

namespace spillway::workloads {

namespace {

using dnnl::memory;
using Dimensions = memory::dims;

Descriptor any(const Dimensions& dims) {
  return {dims, memory::data_type::f32, memory::format_tag::any};
}

enum : std::int64_t { forward_kind, input_kind, weights_kind };

Key key_of(std::int64_t kind, const ConvGeometry& g, bool bias) {
  Key key{kind,          g.batch,           g.groups,
          bias,          g.input.channels,  g.input.height,
          g.input.width, g.output.channels, g.output.height,
          g.output.width};
  for (const auto& part :
       {g.window.kernel, g.window.stride, g.window.padding_begin, g.window.padding_end}) {
    key.insert(key.end(), part.begin(), part.end());
  }
  return key;
}

/// oneDNN's view of a convolution.
struct Description {
  Dimensions x, weights, bias, y, stride, padding_begin, padding_end;
  explicit Description(const ConvGeometry& g)
      : x(map_dims(g.batch, g.input)),
        bias{g.output.channels},
        y(map_dims(g.batch, g.output)),
        stride(pair(g.window.stride)),
        padding_begin(pair(g.window.padding_begin)),
        padding_end(pair(g.window.padding_end)) {
    const std::int64_t in = g.input.channels / g.groups, out = g.output.channels / g.groups;
    weights = g.groups == 1 ? Dimensions{out, in, g.window.kernel[0], g.window.kernel[1]}
                            : Dimensions{g.groups, out, in, g.window.kernel[0], g.window.kernel[1]};
  }
};

/// `direct` is the faster algorithm where oneDNN has it; `automatic` always exists.
template <class Make>
auto with_best_algorithm(Make make) {
  try {
    return make(dnnl::algorithm::convolution_direct);
  } catch (const dnnl::error&) {
    return make(dnnl::algorithm::convolution_auto);
  }
}

dnnl::convolution_forward::primitive_desc describe(const dnnl::engine& engine, const Description& d,
                                                   bool bias) {
  return with_best_algorithm([&](dnnl::algorithm algorithm) {
    const auto prop = dnnl::prop_kind::forward_training;
    if (bias) {
      return dnnl::convolution_forward::primitive_desc(
          {prop, algorithm, any(d.x), any(d.weights), any(d.bias), any(d.y), d.stride,
           d.padding_begin, d.padding_end},
          engine);
    }
    return dnnl::convolution_forward::primitive_desc(
        {prop, algorithm, any(d.x), any(d.weights), any(d.y), d.stride, d.padding_begin,
         d.padding_end},
        engine);
  });
}

Primitive make_forward(const dnnl::engine& engine, const ConvGeometry& g, bool bias) {
  const Description d(g);
  const auto description = describe(engine, d, bias);
  Primitive made{dnnl::convolution_forward(description), {}, {}};
  made.inputs = {{DNNL_ARG_SRC, plain_layout(d.x), description.src_desc()},
                 {DNNL_ARG_WEIGHTS, plain_layout(d.weights), description.weights_desc()}};
  if (bias) made.inputs.push_back({DNNL_ARG_BIAS, plain_layout(d.bias), description.bias_desc()});
  made.outputs = {{DNNL_ARG_DST, plain_layout(d.y), description.dst_desc()}};
  return made;
}

Primitive make_input_gradient(const dnnl::engine& engine, const ConvGeometry& g) {
  const Description d(g);
  const auto forward = describe(engine, d, false);
  const auto description = with_best_algorithm([&](dnnl::algorithm algorithm) {
    return dnnl::convolution_backward_data::primitive_desc(
        {algorithm, any(d.x), any(d.weights), any(d.y), d.stride, d.padding_begin, d.padding_end},
        engine, forward);
  });
  return {dnnl::convolution_backward_data(description),
          {{DNNL_ARG_DIFF_DST, plain_layout(d.y), description.diff_dst_desc()},
           {DNNL_ARG_WEIGHTS, plain_layout(d.weights), description.weights_desc()}},
          {{DNNL_ARG_DIFF_SRC, plain_layout(d.x), description.diff_src_desc()}}};
}

Primitive make_weight_gradient(const dnnl::engine& engine, const ConvGeometry& g, bool bias) {
  const Description d(g);
  const auto forward = describe(engine, d, bias);
  const auto description = with_best_algorithm([&](dnnl::algorithm algorithm) {
    if (bias) {
      return dnnl::convolution_backward_weights::primitive_desc(
          {algorithm, any(d.x), any(d.weights), any(d.bias), any(d.y), d.stride, d.padding_begin,
           d.padding_end},
          engine, forward);
    }
    return dnnl::convolution_backward_weights::primitive_desc(
        {algorithm, any(d.x), any(d.weights), any(d.y), d.stride, d.padding_begin, d.padding_end},
        engine, forward);
  });
  Primitive made{dnnl::convolution_backward_weights(description), {}, {}};
  made.inputs = {{DNNL_ARG_DIFF_DST, plain_layout(d.y), description.diff_dst_desc()},
                 {DNNL_ARG_SRC, plain_layout(d.x), description.src_desc()}};
  made.outputs = {
      {DNNL_ARG_DIFF_WEIGHTS, plain_layout(d.weights), description.diff_weights_desc()}};
  if (bias) {
    made.outputs.push_back(
        {DNNL_ARG_DIFF_BIAS, plain_layout(d.bias), description.diff_bias_desc()});
  }
  return made;
}

template <class Make>
const Primitive& find(std::map<Key, Primitive>& primitives, const Key& key, Make make) {
  auto found = primitives.find(key);
  if (found == primitives.end()) found = primitives.emplace(key, make()).first;
  return found->second;
}

}  // namespace

void Convolutions::run(const Primitive& primitive, bool accumulate, Inputs in, Outputs out) {
  if (accumulate) {
    primitive.run_adding(layouts_, in, out);
  } else {
    primitive.run(layouts_, in, out);
  }
}

void Convolutions::run(const ConvForward& k, Inputs in, Outputs out) {
  if (!onednn_takes(k.shape)) return run_plainly(layouts_, k, in, out);
  const bool bias = in.size() > 2;
  run(find(primitives_, key_of(forward_kind, k.shape, bias),
           [&] { return make_forward(layouts_.engine(), k.shape, bias); }),
      k.accumulate, in, out);
}

void Convolutions::run(const ConvInputGradient& k, Inputs in, Outputs out) {
  if (!onednn_takes(k.shape)) return run_plainly(layouts_, k, in, out);
  run(find(primitives_, key_of(input_kind, k.shape, false),
           [&] { return make_input_gradient(layouts_.engine(), k.shape); }),
      k.accumulate, in, out);
}

void Convolutions::run(const ConvWeightGradient& k, Inputs in, Outputs out) {
  const bool plain = !onednn_takes(k.shape);
  const bool bias = out.size() > 1;
  const bool bias_apart = bias && (plain || k.bias_begin != std::array<std::int64_t, 2>{0, 0});
  if (bias_apart) {
    sum_errors(layouts_, k, in[0], out[1]);
    out = out.first(1);
  }
  if (plain) return run_plainly(layouts_, k, in, out);
  run(find(primitives_, key_of(weights_kind, k.shape, bias && !bias_apart),
           [&] { return make_weight_gradient(layouts_.engine(), k.shape, bias && !bias_apart); }),
      k.accumulate, in, out);
}

}  // namespace spillway::workloads
