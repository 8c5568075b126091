#include "workloads/layer_types.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>

#include "workloads/pool_kinds.hpp"
#include "workloads/support/nearest.hpp"

namespace spillway::workloads {

namespace {

/// "DepthwiseConv2D" and "depthwise_conv" as "depthwiseconv": types are spelled in many ways.
std::string plain(std::string type) {
  const bool dimensions = type.size() > 2 && (type.ends_with("d") || type.ends_with("D")) &&
                          std::isdigit(static_cast<unsigned char>(type[type.size() - 2])) != 0;
  if (dimensions) type.pop_back();
  std::string text;
  for (const char c : type) {
    const auto byte = static_cast<unsigned char>(c);
    if (std::isalpha(byte) != 0) text += static_cast<char>(std::tolower(byte));
  }
  return text;
}

struct Stand {
  std::vector<const char*> types;
  const char* instead;  ///< {0}: channels of the input, {1}: the types there are
};

const std::vector<Stand>& stands() {
  static const std::vector<Stand> all{
      {{"conv", "convolution", "convolutional"}, "conv"},
      {{"fc", "linear", "dense", "gemm", "matmul", "fullyconnected", "innerproduct"}, "fc"},
      {{"dwconv", "depthwise", "depthwiseconv", "dw", "depthwiseconvolution", "depthconv",
        "groupconv", "groupedconv"},
       "conv with groups: as many groups as channels make it depthwise, here \"type: conv, out: "
       "{0}, groups: {0}\""},
      {{"separable", "separableconv", "dsconv", "depthwiseseparable", "depthwiseseparableconv",
        "mbconv"},
       "two conv layers: \"type: conv, out: {0}, groups: {0}\" for each channel by itself, then "
       "one with kernel: 1"},
      {{"pwconv", "pointwise", "pointwiseconv"}, "conv with kernel: 1"},
      {{"gap", "globalavgpool", "globalaveragepool", "globalaveragepooling", "adaptiveavgpool",
        "globalpool"},
       "global_avg_pool, or the key of that name of the conv layer before: \"global_avg_pool: "
       "true\""},
      {{"add", "sum", "residual", "shortcut", "skip", "eltwise", "elementwise"},
       "add, with the layers that it adds up: \"type: add, from: [conv1, conv3]\""},
      {{"concat", "concatenate", "cat", "route"},
       "concat, with the layers whose channels it joins: \"type: concat, from: [conv1, conv3]\""},
      {{"block", "bottleneck", "branch"},
       "its layers one by one, each with what it reads in the key from, and a join of type add or "
       "concat"},
      {{"split", "mul"}, "{1}; nothing stands in for this one so far"},
      {{"relu", "activation"},
       "no layer: the key \"relu: true\" of the layer before, which is usual"},
      {{"bn", "batchnorm", "batchnormalization"},
       "batch_norm, or the key \"batch_norm: true\" of the layer before its ReLU"},
      {{"dropout"}, "no layer: the key dropout of the layer before"},
      {{"flatten", "reshape", "view"}, "nothing: an fc layer reads maps as they are, flattened"},
      {{"softmax", "loss", "crossentropy", "logsoftmax", "output", "classifier"},
       "nothing: the loss belongs to the rule (rule.loss), which adds the readout layer"},
      {{"input"}, "no layer: the network's key input"},
  };
  return all;
}

/// Types for which nothing stands in.
bool is_unknown_kind(const std::string& type) {
  for (const char* part :
       {"attention", "transformer",   "lstm",           "gru",          "rnn",
        "embed",     "layernorm",     "groupnorm",      "instancenorm", "rmsnorm",
        "deconv",    "convtranspose", "transposedconv", "upsample",     "interpolate",
        "sigmoid",   "tanh",          "gelu",           "silu",         "swish"}) {
    if (type.find(part) != std::string::npos) return true;
  }
  return false;
}

}  // namespace

LayerKind read_layer_kind(const Config& type, std::int64_t channels) {
  const std::vector<std::string> kinds = names_in(layer_kind_names);
  const std::string given = type.is_scalar() ? type.text() : "";
  if (given.empty() || std::ranges::count(kinds, given) != 0) {
    return type.choice(layer_kind_names);
  }
  const std::string name = plain(given);
  for (const PoolRow& row : pool_rows()) {
    if (std::ranges::count(row.types, name) == 0) continue;
    type.refuse(fmt::format(
        "{0}, or the key of that name of the conv layer before: \"{0}: {{kernel: 2}}\"", row.key));
  }
  for (const Stand& stand : stands()) {
    const bool meant =
        std::ranges::any_of(stand.types, [&](const char* other) { return name == other; });
    if (meant) type.refuse(fmt::format(fmt::runtime(stand.instead), channels, joined(kinds)));
  }
  if (is_unknown_kind(name)) {
    type.refuse(joined(kinds) + "; nothing stands in for this one so far");
  }
  type.refuse(joined(kinds), did_you_mean(given, kinds));
}

}  // namespace spillway::workloads
