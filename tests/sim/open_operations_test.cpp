// An operation that is declared here alone is planned, timed and run like those of the product.
#include <doctest/doctest.h>

#include <algorithm>

#include "models/device.hpp"
#include "models/kernel_cost.hpp"
#include "sim/plan/plan.hpp"
#include "sim/plan/reports/planned_macs.hpp"
#include "tests/support/build.hpp"
#include "tests/support/kernels.hpp"
#include "workloads/kernels/boxes.hpp"
#include "workloads/kernels/execution.hpp"

namespace spillway::open_operations_test {

using namespace workloads;

namespace {

/// scores[b, h, w, i, j] = sum over d of queries[b, h, w, i, d] keys[b, h, w, j, d]: a product of
/// two activations for each example, head and window, as local attention has it. Tensors have five
/// dimensions, and the loops run along six axes.
struct BatchedProduct {
  static constexpr std::string_view name = "batched product";
  std::int64_t batch, heads, windows, queries, keys, depth;
  bool accumulate = false;

  Contract contract() const {
    Contract c;
    const AxisId b = c.add({"examples", batch, AxisKind::example, Cut::freely, Side::count}),
                 h = c.add({"heads", heads, AxisKind::depth, Cut::freely, Side::count}),
                 w = c.add({"windows", windows, AxisKind::row, Cut::freely, Side::count}),
                 i = c.add({"queries", queries, AxisKind::column, Cut::freely, Side::m}),
                 j = c.add({"keys", keys, AxisKind::output, Cut::freely, Side::n}),
                 d = c.add({"depth", depth, AxisKind::input, Cut::freely, Side::k});
    c.inputs = {{"queries", {c.along(b), c.along(h), c.along(w), c.along(i), c.along(d)}},
                {"keys", {c.along(b), c.along(h), c.along(w), c.along(j), c.along(d)}}};
    c.outputs = {{"scores", {c.along(b), c.along(h), c.along(w), c.along(i), c.along(j)}}};
    c.outputs[0].join = Join::add;
    return c;
  }
  BatchedProduct on_boxes(Boxes in, Boxes out, bool adds) const {
    const Box &q = in[0], &k = in[1], &s = out[0];
    require(std::equal(q.begin(), q.begin() + 3, k.begin()) &&
                std::equal(q.begin(), q.begin() + 4, s.begin()) && q[4] == k[4] && s[4] == k[3],
            "boxes of a batched product differ");
    return {q[0].size(), q[1].size(), q[2].size(), q[3].size(), k[3].size(), q[4].size(), adds};
  }
  bool accumulates() const { return accumulate; }
  void run(Execution& execution, Inputs in, Outputs out) const {
    const auto size = [&](std::int64_t a, std::int64_t b) {
      return static_cast<std::size_t>(batch * heads * windows * a * b) * sizeof(float);
    };
    Layouts& layouts = execution.layouts();
    const float* q = floats(layouts.read(in[0], size(queries, depth)));
    const float* k = floats(layouts.read(in[1], size(keys, depth)));
    float* s = floats(accumulate ? layouts.change(out[0], size(queries, keys))
                                 : layouts.write(out[0], size(queries, keys)));
    for (std::int64_t m = 0; m < batch * heads * windows; ++m) {
      for (std::int64_t i = 0; i < queries; ++i) {
        for (std::int64_t j = 0; j < keys; ++j) {
          float& sum = s[(m * queries + i) * keys + j];
          if (!accumulate) sum = 0;
          for (std::int64_t d = 0; d < depth; ++d) {
            sum += q[(m * queries + i) * depth + d] * k[(m * keys + j) * depth + d];
          }
        }
      }
    }
  }
};

/// A step of this one operation.
Step step_of(const BatchedProduct& product) {
  Step step;
  step.rule = "test";
  step.batch = product.batch;
  step.layer_names = {"input", "attention", "readout"};
  step.stages = {{"F_1", false, {}}};
  const auto add = [&](const char* name, std::int64_t rows, std::int64_t columns, Lifetime life) {
    step.tensors.push_back({static_cast<TensorId>(step.tensors.size()),
                            name,
                            TensorKind::activations,
                            1,
                            {product.batch, product.heads, product.windows, rows, columns},
                            Bytes(4),
                            life,
                            {}});
  };
  add("attention.queries", product.queries, product.depth, Lifetime::input);
  add("attention.keys", product.keys, product.depth, Lifetime::input);
  add("attention.scores", product.queries, product.keys, Lifetime::output);
  const models::KernelCost cost = models::kernel_cost(Kernel(product));
  step.ops.push_back({product, 1, Phase::forward, 0, {0, 1}, {2}, cost.macs, cost.macs_padded});
  check_step(step);
  return step;
}

}  // namespace

TEST_CASE("an operation declared in a test is planned and run under every policy") {
  const BatchedProduct product{3, 2, 3, 5, 7, 6};
  const models::KernelCost cost = models::kernel_cost(Kernel(product));
  CHECK(cost.gemm->m == 5);
  CHECK(cost.gemm->n == 7);
  CHECK(cost.gemm->k == 6);
  CHECK(cost.gemm->count == 18);
  CHECK(cost.macs == Macs(18 * 5 * 7 * 6));
  const Step step = step_of(product);
  SplitMix numbers(20261129);
  std::vector<test::Values> given;
  for (const TensorId id : {0u, 1u}) {
    given.push_back(test::random_values(step.tensor(id).elements(), numbers));
  }
  const test::Values expected = test::as<float>(
      test::run_kernel(product, {test::operand(given[0]), test::operand(given[1])})[0]);
  std::uint64_t last = 0;
  int cut = 0;
  for (const sim::Policy policy : {sim::Policy::paper, sim::Policy::layer, sim::Policy::best}) {
    for (const std::uint64_t words : {12, 40, 100, 300, 2000}) {
      if (policy == sim::Policy::paper && words < 2000) continue;
      CAPTURE(to_string(policy));
      CAPTURE(words);
      const models::DeviceConfig config = test::paper_device(bytes_of(Words(words)));
      const sim::Plan plan(step, config, sim::Idealisations::none(), policy);
      models::Device device(config);
      for (const TensorId id : {0u, 1u}) {
        device.dram().write(plan.map().at(id).address, std::as_bytes(std::span(given[id])));
      }
      const models::Execution execution = device.execute(plan.map(), plan.program());
      test::Values found(expected.size());
      device.dram().read(plan.map().at(2).address, std::as_writable_bytes(std::span(found)));
      for (std::size_t i = 0; i < found.size(); ++i) {
        REQUIRE(found[i] == doctest::Approx(expected[i]).epsilon(1e-5));
      }
      // Planned, counted by the channel, and never less than every word once.
      const std::uint64_t planned = (plan.ledger().total(models::Port::dram, sim::Direction::read) +
                                     plan.ledger().total(models::Port::dram, sim::Direction::write))
                                        .count();
      CHECK(planned == (execution.dram.read_words + execution.dram.write_words).count());
      CHECK(planned >= 18 * (5 * 6 + 7 * 6 + 5 * 7));
      CHECK(execution.macs == cost.macs);
      CHECK(sim::planned_macs(plan).macs == cost.macs);
      if (words != 12 && policy != sim::Policy::paper) CHECK(planned <= last);
      last = planned;
      cut += planned > 18 * (5 * 6 + 7 * 6 + 5 * 7) ? 1 : 0;
    }
  }
  CHECK(cut > 0);  // small buffers bring operands in more than once
}

}  // namespace spillway::open_operations_test
