// Batch-norm in one go, by oneDNN.
#include <cstring>

#include "workloads/kernels/batch_norm.hpp"
#include "workloads/kernels/execution.hpp"
#include "workloads/kernels/norm_values.hpp"

namespace spillway::workloads {

namespace {

using dnnl::memory;
using Flags = dnnl::normalization_flags;

constexpr float running_share = 0.1f;

enum : std::int64_t { training_kind, inference_kind, error_kind };

memory::dims dims_of(const NormGeometry& g) { return {g.batch, g.channels, g.height, g.width}; }

std::size_t channel_bytes(const NormGeometry& g) {
  return static_cast<std::size_t>(2 * g.channels) * sizeof(float);
}

/// Means and variances are two operands to oneDNN and two rows of one tensor here.
memory half(Layouts& layouts, const std::byte* address, const NormGeometry& g, int row) {
  return {
      plain_layout({g.channels}), layouts.engine(),
      const_cast<std::byte*>(address) + static_cast<std::size_t>(row * g.channels) * sizeof(float)};
}

memory scale_shift(Layouts& layouts, const std::byte* address, const NormGeometry& g) {
  return {plain_layout({2, g.channels}), layouts.engine(), const_cast<std::byte*>(address)};
}

dnnl::batch_normalization_forward::primitive_desc describe(const dnnl::engine& engine,
                                                           const NormGeometry& g, bool training) {
  if (training) {
    return {{dnnl::prop_kind::forward_training, map_layout(dims_of(g)), norm_epsilon,
             Flags::use_scale_shift},
            engine};
  }
  return {{dnnl::prop_kind::forward_inference, map_layout(dims_of(g)), norm_epsilon,
           Flags::use_scale_shift | Flags::use_global_stats},
          engine};
}

class Normalisation {
 public:
  explicit Normalisation(Layouts& layouts) : layouts_(layouts) {}
  const dnnl::primitive& find(std::int64_t kind, const NormGeometry& shape);

 private:
  Layouts& layouts_;
  std::map<Key, dnnl::primitive> primitives_;
};

const dnnl::primitive& Normalisation::find(std::int64_t kind, const NormGeometry& g) {
  const Key key{kind, g.batch, g.channels, g.height, g.width};
  const auto found = primitives_.find(key);
  if (found != primitives_.end()) return found->second;
  if (kind != error_kind) {
    const auto description = describe(layouts_.engine(), g, kind == training_kind);
    return primitives_.emplace(key, dnnl::batch_normalization_forward(description)).first->second;
  }
  const Descriptor layout = map_layout(dims_of(g));
  const dnnl::batch_normalization_backward::primitive_desc description(
      {dnnl::prop_kind::backward, layout, layout, norm_epsilon, Flags::use_scale_shift},
      layouts_.engine(), describe(layouts_.engine(), g, true));
  return primitives_.emplace(key, dnnl::batch_normalization_backward(description)).first->second;
}

}  // namespace

void update_running(std::int64_t channels, std::int64_t values, const float* statistics,
                    float* running) {
  const auto count = static_cast<float>(values);
  const float unbiased = count > 1 ? count / (count - 1) : 1.0f;
  for (std::int64_t c = 0; c < 2 * channels; ++c) {
    const float batch = statistics[c] * (c < channels ? 1.0f : unbiased);
    running[c] = (1 - running_share) * running[c] + running_share * batch;
  }
}

void BatchNorm::run(Execution& execution, Inputs in, Outputs out) const {
  Layouts& layouts = execution.layouts();
  const NormGeometry& g = shape;
  const Descriptor plain = plain_layout(dims_of(g)), layout = map_layout(dims_of(g));
  const memory x = layouts.input(in[0], plain, layout);
  const std::byte* norm = layouts.read(in[1], channel_bytes(g));
  if (in[2] != out[2]) {
    const std::byte* before = layouts.read(in[2], channel_bytes(g));
    std::memcpy(layouts.write(out[2], channel_bytes(g)), before, channel_bytes(g));
  }
  float* running = floats(layouts.change(out[2], channel_bytes(g)));
  std::byte* statistics = layouts.write(out[1], channel_bytes(g));
  execution.state<Normalisation>()
      .find(training_kind, g)
      .execute(layouts.stream(), {{DNNL_ARG_SRC, x},
                                  {DNNL_ARG_SCALE_SHIFT, scale_shift(layouts, norm, g)},
                                  {DNNL_ARG_MEAN, half(layouts, statistics, g, 0)},
                                  {DNNL_ARG_VARIANCE, half(layouts, statistics, g, 1)},
                                  {DNNL_ARG_DST, layouts.output(out[0], plain, layout)}});
  layouts.stream().wait();
  update_running(g.channels, g.batch * g.height * g.width, floats(statistics), running);
}

void BatchNormInference::run(Execution& execution, Inputs in, Outputs out) const {
  Layouts& layouts = execution.layouts();
  const NormGeometry& g = shape;
  const Descriptor plain = plain_layout(dims_of(g)), layout = map_layout(dims_of(g));
  const memory x = layouts.input(in[0], plain, layout);
  const std::byte* norm = layouts.read(in[1], channel_bytes(g));
  const std::byte* running = layouts.read(in[2], channel_bytes(g));
  execution.state<Normalisation>()
      .find(inference_kind, g)
      .execute(layouts.stream(), {{DNNL_ARG_SRC, x},
                                  {DNNL_ARG_SCALE_SHIFT, scale_shift(layouts, norm, g)},
                                  {DNNL_ARG_MEAN, half(layouts, running, g, 0)},
                                  {DNNL_ARG_VARIANCE, half(layouts, running, g, 1)},
                                  {DNNL_ARG_DST, layouts.output(out[0], plain, layout)}});
  layouts.stream().wait();
}

void BatchNormError::run(Execution& execution, Inputs in, Outputs out) const {
  Layouts& layouts = execution.layouts();
  const NormGeometry& g = shape;
  const Descriptor plain = plain_layout(dims_of(g)), layout = map_layout(dims_of(g));
  const memory dz = layouts.input(in[0], plain, layout);
  const memory x = layouts.input(in[1], plain, layout);
  const std::byte* statistics = layouts.read(in[2], channel_bytes(g));
  const std::byte* norm = layouts.read(in[3], channel_bytes(g));
  std::byte* norm_gradient = layouts.write(out[1], channel_bytes(g));
  execution.state<Normalisation>()
      .find(error_kind, g)
      .execute(layouts.stream(),
               {{DNNL_ARG_DIFF_DST, dz},
                {DNNL_ARG_SRC, x},
                {DNNL_ARG_MEAN, half(layouts, statistics, g, 0)},
                {DNNL_ARG_VARIANCE, half(layouts, statistics, g, 1)},
                {DNNL_ARG_SCALE_SHIFT, scale_shift(layouts, norm, g)},
                {DNNL_ARG_DIFF_SRC, layouts.output(out[0], plain, layout)},
                {DNNL_ARG_DIFF_SCALE_SHIFT, scale_shift(layouts, norm_gradient, g)}});
  layouts.stream().wait();
}

}  // namespace spillway::workloads
