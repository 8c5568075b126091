// A schedule that leaves out an operation of its step, or runs two in the wrong order, is refused.
#include "sim/plan/emission/order_check.hpp"

#include <doctest/doctest.h>

#include <algorithm>

#include "sim/plan/operations/phases.hpp"
#include "sim/plan/plan.hpp"
#include "tests/support/build.hpp"
#include "workloads/support/error.hpp"

namespace spillway::order_check_test {

namespace {

sim::Plan plan_of(const char* rule) {
  workloads::LayerSpec first = test::pooled(test::conv(4, 3), 2, 2);
  first.batch_norm = true;
  first.bias = false;
  sim::Experiment experiment = test::experiment(
      workloads::make_network("small", {2, 6, 6}, 3, {first, test::fc(12), test::fc(8)}), rule, 5);
  experiment.policy = sim::Policy::best;
  experiment.device.buffer = workloads::Bytes(4096);
  return sim::make_plan(experiment);
}

}  // namespace

TEST_CASE("a schedule that leaves out any one operation is refused") {
  for (const char* rule : {"bp", "lel"}) {
    const sim::Plan plan = plan_of(rule);
    REQUIRE_FALSE(plan.schedule().by_operations());
    CHECK_NOTHROW(sim::check_complete(plan.schedule(), plan.step()));
    for (std::size_t op = 0; op < plan.step().ops.size(); ++op) {
      sim::Schedule schedule = plan.schedule();
      for (sim::Nest& nest : schedule.nests) {
        std::erase_if(nest.spec.ops, [&](const sim::NestOp& each) { return each.op == op; });
      }
      CAPTURE(rule);
      CAPTURE(sim::operation_name(plan.step(), op));
      CHECK_THROWS_AS(sim::check_complete(schedule, plan.step()), workloads::ConsistencyError);
    }
  }
}

TEST_CASE("a schedule that reverses its nests is refused") {
  const sim::Plan plan = plan_of("bp");
  sim::Schedule schedule = plan.schedule();
  CHECK_NOTHROW(sim::check_order(schedule, plan.step()));
  std::ranges::reverse(schedule.nests);
  CHECK_THROWS_AS(sim::check_order(schedule, plan.step()), workloads::ConsistencyError);
}

}  // namespace spillway::order_check_test
