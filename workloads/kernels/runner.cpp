#include "workloads/kernels/runner.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <map>
#include <oneapi/dnnl/dnnl.hpp>
#include <optional>
#include <vector>

#include "workloads/kernels/prepared.hpp"
#include "workloads/support/error.hpp"

namespace spillway::workloads {

namespace {

using dnnl::memory;
using Dimensions = memory::dims;

constexpr float not_a_number = std::numeric_limits<float>::quiet_NaN();

std::string name_of(const ConvForward&) { return "conv forward"; }
std::string name_of(const ConvInputGradient&) { return "conv input gradient"; }
std::string name_of(const ConvWeightGradient&) { return "conv weight gradient"; }
std::string name_of(const FcForward&) { return "fc forward"; }
std::string name_of(const FcInputGradient&) { return "fc input gradient"; }
std::string name_of(const FcWeightGradient&) { return "fc weight gradient"; }
std::string name_of(const ClassifierForward&) { return "classifier forward"; }
std::string name_of(const ClassifierError&) { return "classifier error"; }
std::string name_of(const Relu&) { return "ReLU"; }
std::string name_of(const ReluError&) { return "ReLU error"; }
std::string name_of(const MaxPool&) { return "max-pool"; }
std::string name_of(const MaxPoolError&) { return "max-pool error"; }
std::string name_of(const SoftmaxCrossEntropy&) { return "softmax cross-entropy"; }
std::string name_of(const Update&) { return "update"; }

const float* floats(const std::byte* bytes) { return reinterpret_cast<const float*>(bytes); }
float* floats(std::byte* bytes) { return reinterpret_cast<float*>(bytes); }

memory::desc plain(const Dimensions& dims, memory::data_type type = memory::data_type::f32) {
  Dimensions strides(dims.size());
  memory::dim stride = 1;
  for (std::size_t i = dims.size(); i-- > 0;) {
    strides[i] = stride;
    stride *= dims[i];
  }
  return {dims, type, strides};
}
memory::desc any(const Dimensions& dims) {
  return {dims, memory::data_type::f32, memory::format_tag::any};
}
Dimensions image(std::int64_t batch, const ImageShape& shape) {
  return {batch, shape.channels, shape.height, shape.width};
}
Dimensions pair(const std::array<std::int64_t, 2>& values) { return {values[0], values[1]}; }

using Key = std::vector<std::int64_t>;

void append(Key& key, const ImageShape& s) {
  key.insert(key.end(), {s.channels, s.height, s.width});
}
void append(Key& key, const Window& w) {
  for (const auto& part : {w.kernel, w.stride, w.padding_begin, w.padding_end}) {
    key.insert(key.end(), part.begin(), part.end());
  }
}
Key key_of(std::int64_t kind, const ConvGeometry& g, bool bias) {
  Key key{kind, g.batch, g.groups, bias};
  append(key, g.input);
  append(key, g.output);
  append(key, g.window);
  return key;
}
Key key_of(std::int64_t kind, const PoolGeometry& g) {
  Key key{kind, g.batch};
  append(key, g.input);
  append(key, g.output);
  append(key, g.window);
  return key;
}

enum : std::int64_t {
  conv_forward,
  conv_input,
  conv_weights,
  pool_forward,
  pool_backward,
  softmax
};

/// oneDNN's view of a convolution.
struct ConvDescription {
  Dimensions x, weights, bias, y, stride, padding_begin, padding_end;
  explicit ConvDescription(const ConvGeometry& g)
      : x(image(g.batch, g.input)),
        bias{g.output.channels},
        y(image(g.batch, g.output)),
        stride(pair(g.window.stride)),
        padding_begin(pair(g.window.padding_begin)),
        padding_end(pair(g.window.padding_end)) {
    const std::int64_t in = g.input.channels / g.groups, out = g.output.channels / g.groups;
    weights = g.groups == 1 ? Dimensions{out, in, g.window.kernel[0], g.window.kernel[1]}
                            : Dimensions{g.groups, out, in, g.window.kernel[0], g.window.kernel[1]};
  }
};

/// From this many elements on a loop over a tensor is worth a second thread.
constexpr std::int64_t parallel_elements = 1 << 15;

}  // namespace

std::string kernel_name(const Kernel& kernel) {
  return std::visit([](const auto& k) { return name_of(k); }, kernel);
}

class KernelRunner::Implementation {
 public:
  using Inputs = std::span<const std::byte* const>;
  using Outputs = std::span<std::byte* const>;

  void run(const ConvForward& k, Inputs in, Outputs out) {
    const bool bias = in.size() > 2;
    Prepared& prepared =
        find(key_of(conv_forward, k.shape, bias), [&] { return make_conv_forward(k.shape, bias); });
    std::vector<std::byte*> data{writable(in[0]), writable(in[1])};
    if (bias) data.push_back(writable(in[2]));
    data.push_back(out[0]);
    prepared.run(stream_, data);
  }

  void run(const ConvInputGradient& k, Inputs in, Outputs out) {
    Prepared& prepared =
        find(key_of(conv_input, k.shape, false), [&] { return make_conv_input_gradient(k.shape); });
    prepared.run(stream_, {writable(in[0]), writable(in[1]), out[0]});
  }

  void run(const ConvWeightGradient& k, Inputs in, Outputs out) {
    const bool bias = out.size() > 1;
    Prepared& prepared = find(key_of(conv_weights, k.shape, bias),
                              [&] { return make_conv_weight_gradient(k.shape, bias); });
    std::vector<std::byte*> data{writable(in[0]), writable(in[1]), out[0]};
    if (bias) data.push_back(out[1]);
    prepared.run(stream_, data);
  }

  // fc weights are [out, in]: y = x W^T.
  void run(const FcForward& k, Inputs in, Outputs out) {
    const auto [batch, inputs, outputs] = k.shape;
    float* y = floats(out[0]);
    const bool bias = in.size() > 2;
    if (bias) {
      for (std::int64_t b = 0; b < batch; ++b) {
        std::memcpy(y + b * outputs, in[2], static_cast<std::size_t>(outputs) * sizeof(float));
      }
    }
    gemm('N', 'T', batch, outputs, inputs, floats(in[0]), inputs, floats(in[1]), inputs,
         bias ? 1.0f : 0.0f, y);
  }

  void run(const FcInputGradient& k, Inputs in, Outputs out) {
    const auto [batch, inputs, outputs] = k.shape;
    gemm('N', 'N', batch, inputs, outputs, floats(in[0]), outputs, floats(in[1]), inputs, 0.0f,
         floats(out[0]));
  }

  void run(const FcWeightGradient& k, Inputs in, Outputs out) {
    const auto [batch, inputs, outputs] = k.shape;
    gemm('T', 'N', outputs, inputs, batch, floats(in[0]), outputs, floats(in[1]), inputs, 0.0f,
         floats(out[0]));
    if (out.size() < 2) return;
    const float* dy = floats(in[0]);
    float* dbias = floats(out[1]);
    std::memcpy(dbias, dy, static_cast<std::size_t>(outputs) * sizeof(float));
    for (std::int64_t b = 1; b < batch; ++b) {
      for (std::int64_t o = 0; o < outputs; ++o) dbias[o] += dy[b * outputs + o];
    }
  }

  // M is [features, classes]: scores = y M, and back dy = dscores M^T.
  void run(const ClassifierForward& k, Inputs in, Outputs out) {
    const auto [batch, features, classes] = k.shape;
    gemm('N', 'N', batch, classes, features, floats(in[0]), features, floats(in[1]), classes, 0.0f,
         floats(out[0]));
  }

  void run(const ClassifierError& k, Inputs in, Outputs out) {
    const auto [batch, features, classes] = k.shape;
    gemm('N', 'T', batch, features, classes, floats(in[0]), classes, floats(in[1]), classes, 0.0f,
         floats(out[0]));
  }

  // oneDNN's ReLU turns NaN into 0, and poison would pass for a value; hence plain loops.
  void run(const Relu& k, Inputs in, Outputs out) {
    const float* x = floats(in[0]);
    float* y = floats(out[0]);
#pragma omp parallel for simd if (k.elements >= parallel_elements)
    for (std::int64_t i = 0; i < k.elements; ++i) {
      y[i] = x[i] > 0 || std::isnan(x[i]) ? x[i] : 0.0f;
    }
  }

  void run(const ReluError& k, Inputs in, Outputs out) {
    const float *dy = floats(in[0]), *y = floats(in[1]);
    float* dx = floats(out[0]);
#pragma omp parallel for simd if (k.elements >= parallel_elements)
    for (std::int64_t i = 0; i < k.elements; ++i) {
      const float masked = y[i] > 0 ? dy[i] : 0.0f;
      dx[i] = std::isnan(y[i]) ? y[i] : masked;
    }
  }

  void run(const MaxPool& k, Inputs in, Outputs out) {
    Prepared& prepared = find(key_of(pool_forward, k.shape), [&] { return make_pool(k.shape); });
    prepared.run(stream_, {writable(in[0]), out[0], out[1]});
    const float* y = floats(in[0]);
    const std::int64_t elements = k.shape.batch * k.shape.input.elements();
    if (std::any_of(y, y + elements, [](float value) { return std::isnan(value); })) {
      pass_on_nan(k.shape, y, floats(out[0]), reinterpret_cast<std::uint8_t*>(out[1]));
    }
  }

  void run(const MaxPoolError& k, Inputs in, Outputs out) {
    if (!winners_are_legal(k.shape, reinterpret_cast<const std::uint8_t*>(in[1]))) {
      std::fill_n(floats(out[0]), k.shape.batch * k.shape.input.elements(), not_a_number);
      return;
    }
    Prepared& prepared =
        find(key_of(pool_backward, k.shape), [&] { return make_pool_error(k.shape); });
    prepared.run(stream_, {writable(in[0]), writable(in[1]), out[0]});
  }

  void run(const SoftmaxCrossEntropy& k, Inputs in, Outputs out) {
    const memory::desc scores = plain({k.batch, k.classes});
    Prepared& prepared = find({softmax, k.batch, k.classes}, [&] {
      const dnnl::logsoftmax_forward::primitive_desc description(
          {dnnl::prop_kind::forward_training, scores, 1}, engine_);
      Prepared made(engine_, dnnl::logsoftmax_forward(description));
      made.add_input(DNNL_ARG_SRC, scores, scores);
      made.add_output(DNNL_ARG_DST, scores, scores);
      return made;
    });
    log_probabilities_.resize(static_cast<std::size_t>(k.batch * k.classes));
    prepared.run(stream_,
                 {writable(in[0]), reinterpret_cast<std::byte*>(log_probabilities_.data())});
    cross_entropy(k, floats(in[0]), reinterpret_cast<const std::int32_t*>(in[1]),
                  k.with_error ? floats(out[0]) : nullptr, floats(out.back()));
  }

  void run(const Update& k, Inputs in, Outputs out) {
    float* p = floats(out[0]);
    const float* g = floats(in[1]);
    const float rate = k.rate, momentum = k.momentum;
    if (momentum == 0) {
#pragma omp parallel for simd if (k.elements >= parallel_elements)
      for (std::int64_t i = 0; i < k.elements; ++i) p[i] -= rate * g[i];
      return;
    }
    float* v = floats(out[1]);
#pragma omp parallel for simd if (k.elements >= parallel_elements)
    for (std::int64_t i = 0; i < k.elements; ++i) {
      v[i] = momentum * v[i] + g[i];
      p[i] -= rate * (g[i] + momentum * v[i]);
    }
  }

 private:
  static std::byte* writable(const std::byte* bytes) { return const_cast<std::byte*>(bytes); }

  template <class Make>
  Prepared& find(const Key& key, Make make) {
    auto found = prepared_.find(key);
    if (found == prepared_.end()) found = prepared_.emplace(key, make()).first;
    return found->second;
  }

  /// Row-major C = op(A) op(B) + beta C with leading dimensions of the stored matrices.
  static void gemm(char transpose_a, char transpose_b, std::int64_t m, std::int64_t n,
                   std::int64_t k, const float* a, std::int64_t lda, const float* b,
                   std::int64_t ldb, float beta, float* c) {
    const dnnl::status status =
        dnnl::sgemm(transpose_a, transpose_b, m, n, k, 1.0f, a, lda, b, ldb, beta, c, n);
    if (status != dnnl::status::success) throw Error("oneDNN refused a matrix product");
  }

  /// `direct` is the faster algorithm where oneDNN has it; `automatic` always exists.
  template <class Make>
  static auto with_best_algorithm(Make make) {
    try {
      return make(dnnl::algorithm::convolution_direct);
    } catch (const dnnl::error&) {
      return make(dnnl::algorithm::convolution_auto);
    }
  }

  dnnl::convolution_forward::primitive_desc conv_description(const ConvDescription& d,
                                                             bool bias) const {
    return with_best_algorithm([&](dnnl::algorithm algorithm) {
      const auto prop = dnnl::prop_kind::forward_training;
      if (bias) {
        return dnnl::convolution_forward::primitive_desc(
            {prop, algorithm, any(d.x), any(d.weights), any(d.bias), any(d.y), d.stride,
             d.padding_begin, d.padding_end},
            engine_);
      }
      return dnnl::convolution_forward::primitive_desc(
          {prop, algorithm, any(d.x), any(d.weights), any(d.y), d.stride, d.padding_begin,
           d.padding_end},
          engine_);
    });
  }

  Prepared make_conv_forward(const ConvGeometry& g, bool bias) const {
    const ConvDescription d(g);
    const auto description = conv_description(d, bias);
    Prepared made(engine_, dnnl::convolution_forward(description));
    made.add_input(DNNL_ARG_SRC, plain(d.x), description.src_desc());
    made.add_input(DNNL_ARG_WEIGHTS, plain(d.weights), description.weights_desc());
    if (bias) made.add_input(DNNL_ARG_BIAS, plain(d.bias), description.bias_desc());
    made.add_output(DNNL_ARG_DST, plain(d.y), description.dst_desc());
    return made;
  }

  Prepared make_conv_input_gradient(const ConvGeometry& g) const {
    const ConvDescription d(g);
    const auto forward = conv_description(d, false);
    const auto description = with_best_algorithm([&](dnnl::algorithm algorithm) {
      return dnnl::convolution_backward_data::primitive_desc(
          {algorithm, any(d.x), any(d.weights), any(d.y), d.stride, d.padding_begin, d.padding_end},
          engine_, forward);
    });
    Prepared made(engine_, dnnl::convolution_backward_data(description));
    made.add_input(DNNL_ARG_DIFF_DST, plain(d.y), description.diff_dst_desc());
    made.add_input(DNNL_ARG_WEIGHTS, plain(d.weights), description.weights_desc());
    made.add_output(DNNL_ARG_DIFF_SRC, plain(d.x), description.diff_src_desc());
    return made;
  }

  Prepared make_conv_weight_gradient(const ConvGeometry& g, bool bias) const {
    const ConvDescription d(g);
    const auto forward = conv_description(d, bias);
    const auto description = with_best_algorithm([&](dnnl::algorithm algorithm) {
      if (bias) {
        return dnnl::convolution_backward_weights::primitive_desc(
            {algorithm, any(d.x), any(d.weights), any(d.bias), any(d.y), d.stride, d.padding_begin,
             d.padding_end},
            engine_, forward);
      }
      return dnnl::convolution_backward_weights::primitive_desc(
          {algorithm, any(d.x), any(d.weights), any(d.y), d.stride, d.padding_begin, d.padding_end},
          engine_, forward);
    });
    Prepared made(engine_, dnnl::convolution_backward_weights(description));
    made.add_input(DNNL_ARG_DIFF_DST, plain(d.y), description.diff_dst_desc());
    made.add_input(DNNL_ARG_SRC, plain(d.x), description.src_desc());
    made.add_output(DNNL_ARG_DIFF_WEIGHTS, plain(d.weights), description.diff_weights_desc());
    if (bias) {
      made.add_output(DNNL_ARG_DIFF_BIAS, plain(d.bias), description.diff_bias_desc());
    }
    return made;
  }

  dnnl::pooling_forward::primitive_desc pool_description(const PoolGeometry& g) const {
    return {{dnnl::prop_kind::forward_training, dnnl::algorithm::pooling_max,
             plain(image(g.batch, g.input)), plain(image(g.batch, g.output)), pair(g.window.stride),
             pair(g.window.kernel), pair(g.window.padding_begin), pair(g.window.padding_end)},
            engine_};
  }

  Prepared make_pool(const PoolGeometry& g) const {
    const auto description = pool_description(g);
    Prepared made(engine_, dnnl::pooling_forward(description));
    made.add_input(DNNL_ARG_SRC, plain(image(g.batch, g.input)), description.src_desc());
    made.add_output(DNNL_ARG_DST, plain(image(g.batch, g.output)), description.dst_desc());
    made.add_output(DNNL_ARG_WORKSPACE, winners_description(g), description.workspace_desc());
    return made;
  }

  Prepared make_pool_error(const PoolGeometry& g) const {
    const memory::desc dx = plain(image(g.batch, g.input)), dy = plain(image(g.batch, g.output));
    const dnnl::pooling_backward::primitive_desc description(
        {dnnl::algorithm::pooling_max, dx, dy, pair(g.window.stride), pair(g.window.kernel),
         pair(g.window.padding_begin), pair(g.window.padding_end)},
        engine_, pool_description(g));
    Prepared made(engine_, dnnl::pooling_backward(description));
    made.add_input(DNNL_ARG_DIFF_DST, dy, description.diff_dst_desc());
    made.add_input(DNNL_ARG_WORKSPACE, winners_description(g), description.workspace_desc());
    made.add_output(DNNL_ARG_DIFF_SRC, dx, description.diff_src_desc());
    return made;
  }

  static memory::desc winners_description(const PoolGeometry& g) {
    return plain(image(g.batch, g.output), memory::data_type::u8);
  }

  /// Where a place of the window of output (oy, ox) lies in its map, or nothing when on padding.
  static std::optional<std::int64_t> place_in_map(const PoolGeometry& g, std::int64_t oy,
                                                  std::int64_t ox, std::int64_t place) {
    const std::int64_t y =
        oy * g.window.stride[0] - g.window.padding_begin[0] + place / g.window.kernel[1];
    const std::int64_t x =
        ox * g.window.stride[1] - g.window.padding_begin[1] + place % g.window.kernel[1];
    if (y < 0 || y >= g.input.height || x < 0 || x >= g.input.width) return std::nullopt;
    return y * g.input.width + x;
  }

  /// oneDNN's max-pool passes over NaN; a window that holds one is NaN, and the first one wins.
  static void pass_on_nan(const PoolGeometry& g, const float* y, float* a, std::uint8_t* winners) {
    for (std::int64_t map = 0; map < g.batch * g.output.channels; ++map) {
      const float* values = y + map * g.input.height * g.input.width;
      for (std::int64_t oy = 0; oy < g.output.height; ++oy) {
        for (std::int64_t ox = 0; ox < g.output.width; ++ox, ++a, ++winners) {
          for (std::int64_t k = g.window.kernel[0] * g.window.kernel[1]; k-- > 0;) {
            const auto at = place_in_map(g, oy, ox, k);
            if (!at || !std::isnan(values[*at])) continue;
            *a = values[*at];
            *winners = static_cast<std::uint8_t>(k);
          }
        }
      }
    }
  }

  /// Every winner lies in its window and on the map. (oneDNN would write outside the map.)
  static bool winners_are_legal(const PoolGeometry& g, const std::uint8_t* winners) {
    const std::int64_t places = g.window.kernel[0] * g.window.kernel[1];
    for (std::int64_t map = 0; map < g.batch * g.output.channels; ++map) {
      for (std::int64_t oy = 0; oy < g.output.height; ++oy) {
        for (std::int64_t ox = 0; ox < g.output.width; ++ox) {
          const std::int64_t winner = *winners++;
          if (winner >= places || !place_in_map(g, oy, ox, winner)) return false;
        }
      }
    }
    return true;
  }

  void cross_entropy(const SoftmaxCrossEntropy& k, const float* scores, const std::int32_t* labels,
                     float* errors, float* metrics) const {
    const float scale = 1.0f / static_cast<float>(k.batch);
    double loss = 0;
    std::int64_t right = 0;
    for (std::int64_t b = 0; b < k.batch; ++b) {
      const float* row = log_probabilities_.data() + b * k.classes;
      const bool known = labels[b] >= 0 && labels[b] < k.classes;
      loss -= known ? row[labels[b]] : not_a_number;
      right += known && decision(scores + b * k.classes, k.classes) == labels[b];
      if (errors == nullptr) continue;
      for (std::int64_t c = 0; c < k.classes; ++c) {
        const float target = c == labels[b] ? 1.0f : 0.0f;
        errors[b * k.classes + c] = known ? (std::exp(row[c]) - target) * scale : not_a_number;
      }
    }
    metrics[0] = static_cast<float>(loss * scale);
    metrics[1] = static_cast<float>(right);
  }

  static std::int64_t decision(const float* scores, std::int64_t classes) {
    std::int64_t best = 0;
    for (std::int64_t c = 1; c < classes; ++c) {
      if (scores[c] > scores[best]) best = c;
    }
    return best;
  }

  dnnl::engine engine_{dnnl::engine::kind::cpu, 0};
  dnnl::stream stream_{engine_};
  std::map<Key, Prepared> prepared_;
  std::vector<float> log_probabilities_;
};

KernelRunner::KernelRunner() : implementation_(std::make_unique<Implementation>()) {}
KernelRunner::~KernelRunner() = default;

void KernelRunner::run(const Kernel& kernel, std::span<const std::byte* const> inputs,
                       std::span<std::byte* const> outputs) {
  try {
    std::visit([&](const auto& k) { implementation_->run(k, inputs, outputs); }, kernel);
  } catch (const dnnl::error& error) {
    throw Error("oneDNN refused the kernel \"" + kernel_name(kernel) + "\": " + error.what());
  }
}

}  // namespace spillway::workloads
