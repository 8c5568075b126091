// Updates of optimizers against the definitions of torch.optim, in double, and against its figures.
#include "workloads/kernels/optimizer_update.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "tests/support/kernels.hpp"
#include "workloads/rules/optimizer.hpp"
#include "workloads/support/error.hpp"

namespace spillway::optimizer_update_test {

using namespace workloads;
using test::as;
using test::from_one_to;
using test::get;
using test::operand;
using test::OperandBytes;
using test::random_values;
using test::run_kernel;
using test::Values;

namespace {

/// Each output lies on the input that it changes: parameters, then what the optimizer keeps.
std::map<std::size_t, std::size_t> in_place(const Kernel& kernel) {
  std::map<std::size_t, std::size_t> on{{0, 0}};
  for (std::size_t i = 1; i < kernel.contract().outputs.size(); ++i) on[i] = i + 1;
  return on;
}

/// Parameters and states as floats, changed by one gradient after the other.
struct Trained {
  Optimizer optimizer;
  std::vector<Values> values;  // parameters, states
  std::int64_t steps = 0;

  Trained(const Optimizer& o, const Values& parameters) : optimizer(o), values{parameters} {
    values.resize(1 + o.states().size(), Values(parameters.size()));
  }

  Kernel kernel(double rate_scale) const {
    const auto count = static_cast<std::int64_t>(values[0].size());
    return in_step(optimizer.update(count, optimizer.rate), {rate_scale, steps});
  }

  void learn(const Values& gradient, double rate_scale = 1) {
    ++steps;
    std::vector<OperandBytes> inputs{operand(values[0]), operand(gradient)};
    for (std::size_t i = 1; i < values.size(); ++i) inputs.push_back(operand(values[i]));
    const Kernel update = kernel(rate_scale);
    const auto results = run_kernel(update, inputs, in_place(update));
    for (std::size_t i = 0; i < values.size(); ++i) values[i] = as<float>(results[i]);
  }
};

/// The same in double, by the documents of torch.optim.SGD, Adam and AdamW; and how far from each
/// parameter a computation in float may be.
struct Defined {
  Optimizer o;
  std::vector<double> p, m, v, magnitude, bound;
  int t = 0;

  Defined(const Optimizer& optimizer, const Values& parameters)
      : o(optimizer),
        p(parameters.begin(), parameters.end()),
        m(p.size()),
        v(p.size()),
        magnitude(p.size()),
        bound(p.size()) {}

  void learn(const Values& gradient, double rate_scale) {
    ++t;
    const double rate = o.rate * rate_scale;
    for (std::size_t i = 0; i < p.size(); ++i) {
      const double coupled = o.kind == OptimizerKind::adamw ? 0 : o.weight_decay;
      const double g = gradient[i] + coupled * p[i];
      const double terms = std::abs(gradient[i]) + std::abs(coupled * p[i]);
      double change = 0, size = 0;  // of the parameter; of what the change is the sum of
      if (o.is_sgd()) {
        m[i] = o.momentum * m[i] + g;  // the first buffer is the first gradient: as from zero
        magnitude[i] = o.momentum * magnitude[i] + terms;
        change = rate * (o.momentum > 0 ? g + o.momentum * m[i] : g);
        size = rate * (terms + o.momentum * magnitude[i]);
      } else {
        if (o.kind == OptimizerKind::adamw) p[i] -= rate * o.weight_decay * p[i];
        m[i] = o.beta1 * m[i] + (1 - o.beta1) * g;
        v[i] = o.beta2 * v[i] + (1 - o.beta2) * g * g;
        magnitude[i] = o.beta1 * magnitude[i] + (1 - o.beta1) * terms;
        const double first = 1 - std::pow(o.beta1, t), second = 1 - std::pow(o.beta2, t);
        const double below = std::sqrt(v[i] / second) + o.epsilon;
        change = rate * (m[i] / first) / below;
        size = rate * magnitude[i] / first / below;
      }
      p[i] -= change;
      bound[i] += 4 * test::rounding * (std::abs(p[i]) + 8 * size);
    }
  }
};

Optimizer with_decay(OptimizerKind kind, double decay) {
  Optimizer optimizer = Optimizer::of(kind);
  optimizer.weight_decay = decay;
  return optimizer;
}

std::vector<Optimizer> optimizers() {
  std::vector<Optimizer> all;
  for (const double momentum : {0.0, 0.9}) {
    for (const double decay : {0.0, 0.05}) {
      all.push_back(with_decay(OptimizerKind::sgd, decay));
      all.back().momentum = momentum;
    }
  }
  for (const OptimizerKind kind : {OptimizerKind::adam, OptimizerKind::adamw}) {
    for (const double decay : {0.0, 0.05}) {
      all.push_back(with_decay(kind, decay));
      all.back().rate = 0.01;
    }
  }
  return all;
}

/// Gradients that rest at zero here and there, as those of neurons that are off.
Values some_gradients(std::size_t count, SplitMix& numbers) {
  Values values = random_values(count, numbers);
  for (float& value : values) value = numbers.below(8) == 0 ? 0 : value;
  return values;
}

/// Parameters after four steps, the last two at half the rate.
Values after_four_steps(const Optimizer& optimizer) {
  Trained trained(optimizer, {0.5f, -1.25f, 0.001f, 3.0f});
  trained.learn({0.1f, -0.2f, 0.0f, 0.03f});
  trained.learn({-0.4f, 0.5f, 1e-3f, -0.02f});
  trained.learn({0.25f, 0.125f, -2e-4f, 0.6f}, 0.5);
  trained.learn({0.3f, -0.1f, 5.0f, 0.01f}, 0.5);
  return trained.values[0];
}

void require_figures(const Optimizer& optimizer, const std::vector<double>& expected) {
  const Values found = after_four_steps(optimizer);
  for (std::size_t i = 0; i < expected.size(); ++i) {
    CAPTURE(i);
    CHECK(found[i] == doctest::Approx(expected[i]).epsilon(2e-6));
  }
}

}  // namespace

TEST_CASE("optimizers follow their definitions over many steps") {
  SplitMix numbers(2101);
  for (const Optimizer& optimizer : optimizers()) {
    for (const std::size_t n : {1, 7, 64, 1001, 100'000}) {  // the last one on several threads
      CAPTURE(to_string(optimizer.kind));
      CAPTURE(optimizer.momentum);
      CAPTURE(optimizer.weight_decay);
      CAPTURE(n);
      const Values parameters = random_values(n, numbers);
      Trained trained(optimizer, parameters);
      Defined defined(optimizer, parameters);
      for (int step = 0; step < 12; ++step) {
        const Values gradient = some_gradients(n, numbers);
        const double rate_scale = step < 6 ? 1 : 0.25;
        trained.learn(gradient, rate_scale);
        defined.learn(gradient, rate_scale);
      }
      test::Expected expected(n);
      expected.value = defined.p;
      expected.bound = defined.bound;
      expected.require_close(trained.values[0]);
    }
  }
}

TEST_CASE("optimizers give the figures of PyTorch") {
  // torch 1.13.1 in float64: torch.optim.SGD, Adam and AdamW on the same gradients.
  Optimizer sgd = with_decay(OptimizerKind::sgd, 0.01);
  require_figures(sgd, {0.5061482291, -1.312395495, -0.4742477515, 2.88788174});
  sgd.momentum = 0;
  require_figures(sgd, {0.5009878718, -1.277490923, -0.2490929018, 2.959528742});
  Optimizer adam = Optimizer::of(OptimizerKind::adam);
  adam.rate = 0.01;
  require_figures(adam, {0.4943848919, -1.248216245, -0.01154071738, 2.982645897});
  Optimizer decayed = adam;
  decayed.beta1 = 0.8;
  decayed.beta2 = 0.99;
  decayed.epsilon = 1e-6;
  decayed.weight_decay = 0.1;
  require_figures(decayed, {0.4914140343, -1.24157281, -0.01894308423, 2.970940809});
  Optimizer adamw = with_decay(OptimizerKind::adamw, 0.1);
  adamw.rate = 0.01;
  require_figures(adamw, {0.492900814, -1.244484678, -0.01153517801, 2.973678686});
}

TEST_CASE("an update of boxes is to the bit that of the whole") {
  SplitMix numbers(2102);
  for (const Optimizer& optimizer : optimizers()) {
    CAPTURE(to_string(optimizer.kind));
    const std::int64_t n = 200 + from_one_to(300, numbers);
    Trained whole(optimizer, random_values(static_cast<std::size_t>(n), numbers));
    for (int step = 0; step < 3; ++step) {
      const Trained before = whole;
      const Values gradient = some_gradients(static_cast<std::size_t>(n), numbers);
      whole.learn(gradient);
      Trained parts = before;
      parts.steps = whole.steps;
      const Kernel kernel = parts.kernel(1);
      for (std::int64_t first = 0; first < n;) {
        const std::int64_t last = std::min(n, first + from_one_to(90, numbers));
        const std::vector<Box> in(1 + parts.values.size(), Box{Range{first, last}}),
            out(parts.values.size(), Box{Range{first, last}});
        const auto cut = [&](const Values& values) {
          return operand(Values(values.begin() + first, values.begin() + last));
        };
        std::vector<OperandBytes> inputs{cut(parts.values[0]), cut(gradient)};
        for (std::size_t i = 1; i < parts.values.size(); ++i) {
          inputs.push_back(cut(parts.values[i]));
        }
        const Kernel part = kernel.on_boxes(in, out, false);
        const auto results = run_kernel(part, inputs, in_place(part));
        for (std::size_t i = 0; i < results.size(); ++i) {
          const Values made = as<float>(results[i]);
          std::ranges::copy(made, parts.values[i].begin() + first);
        }
        first = last;
      }
      CHECK(parts.values == whole.values);
    }
  }
}

TEST_CASE("a step's control changes an update's rate and Adam's step, and nothing else") {
  const Update update{100, 0.5, 0.75f, 0.25f};
  const auto scaled = get<Update>(in_step(update, {0.125, 9}));
  CHECK(scaled.rate == 0.0625);
  CHECK(scaled.elements == 100);
  CHECK(scaled.momentum == 0.75f);
  CHECK(scaled.weight_decay == 0.25f);
  CHECK(get<Update>(in_step(update, {})).rate == 0.5);
  const AdamUpdate adam{100, 0.5, 0.75, 0.875, 0.01, 0.25, true};
  const auto later = get<AdamUpdate>(in_step(adam, {0.125, 9}));
  CHECK(later.rate == 0.0625);
  CHECK(later.step == 9);
  CHECK(later.elements == 100);
  CHECK(later.beta1 == 0.75);
  CHECK(later.beta2 == 0.875);
  CHECK(later.epsilon == 0.01);
  CHECK(later.weight_decay == 0.25);
  CHECK(later.decoupled);
  const auto dropout = get<Dropout>(in_step(Dropout{7, 1.25f}, {0.125, 9}));
  CHECK(dropout.elements == 7);
  CHECK(dropout.scale == 1.25f);
  const Kernel slow = in_step(Update{2, 0.5, 0}, {0.25});
  const Values p =
      as<float>(run_kernel(slow, {operand(Values{1, 2}), operand(Values{8, -8})}, {{0, 0}})[0]);
  CHECK(p == Values{0, 3});
}

TEST_CASE("poison in any operand of an update shows in the parameter") {
  const float poison = std::numeric_limits<float>::quiet_NaN();
  for (const Optimizer& optimizer : optimizers()) {
    CAPTURE(to_string(optimizer.kind));
    const Kernel kernel = optimizer.update(3, 0.1);
    const std::size_t operands = kernel.contract().inputs.size();
    CHECK(operands == 2 + optimizer.states().size());
    for (std::size_t poisoned = 0; poisoned < operands; ++poisoned) {
      CAPTURE(poisoned);
      std::vector<Values> values(operands, Values{0.5f, 0.25f, 0.125f});
      values[poisoned][1] = poison;
      std::vector<OperandBytes> inputs;
      for (const Values& value : values) inputs.push_back(operand(value));
      const Values p = as<float>(run_kernel(kernel, inputs, in_place(kernel))[0]);
      CHECK(std::isnan(p[1]));
      CHECK(std::isfinite(p[0]));
      CHECK(std::isfinite(p[2]));
    }
  }
}

TEST_CASE("an update of boxes that differ is refused") {
  const std::vector<Box> four{Box{Range{0, 4}}, Box{Range{0, 4}}, Box{Range{0, 4}},
                              Box{Range{0, 3}}},
      three{Box{Range{0, 4}}, Box{Range{0, 4}}, Box{Range{0, 4}}};
  CHECK_THROWS_AS((AdamUpdate{9, 1, 0.9, 0.999, 1e-8}.on_boxes(four, three, false)),
                  ConsistencyError);
}

TEST_CASE("without a gradient parameters rest, or decay") {
  for (const Optimizer& optimizer : optimizers()) {
    CAPTURE(to_string(optimizer.kind));
    CAPTURE(optimizer.weight_decay);
    Trained trained(optimizer, {2, -0.5f});
    trained.learn({0, 0});
    if (optimizer.weight_decay == 0) {
      CHECK(trained.values[0] == Values{2, -0.5f});
    } else {
      CHECK(trained.values[0][0] < 2);
      CHECK(trained.values[0][0] > 1.9f);
      CHECK(trained.values[0][1] > -0.5f);
    }
  }
}

}  // namespace spillway::optimizer_update_test
