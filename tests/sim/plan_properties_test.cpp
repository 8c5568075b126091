// What holds for every plan, on random networks, rules and devices. A case that fails is made as
// small as it can be before it is shown.
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <set>

#include "analysis/reports/report.hpp"
#include "tests/support/hand_schedules.hpp"
#include "tests/support/random_experiment.hpp"
#include "tests/support/sanitized.hpp"

namespace spillway::plan_properties_test {

using sim::Experiment;
using sim::Policy;
using workloads::Words;

namespace {

/// How many random cases in each of four tests; their time is in proportion.
constexpr int quarter = test::cases(150, 10);

std::optional<std::uint64_t> planned(Experiment experiment, Policy policy, std::uint64_t words) {
  experiment.policy = policy;
  experiment.device.buffer = bytes_of(Words(words));
  try {
    const sim::Plan plan = sim::make_plan(experiment);
    if (plan.buffer_words() > Words(words)) {
      throw workloads::ConsistencyError("the plan takes more than the buffer");
    }
    return test::moved_words(plan);
  } catch (const workloads::InputError&) {
    return std::nullopt;
  }
}

std::uint64_t smallest(Experiment experiment, Policy policy) {
  experiment.policy = policy;
  return test::smallest_buffer_words(experiment);
}

/// The sizes that a case is planned for: about the smallest and a few words more. One case in three
/// is planned for where some schedule made by hand begins to fit, too, which is most of its time.
std::set<std::uint64_t> sizes_for(const Experiment& experiment, std::uint64_t least,
                                  const std::vector<test::HandSchedule>& by_hand) {
  workloads::SplitMix numbers(experiment.seed);
  std::set<std::uint64_t> sizes{least + numbers.below(2), least + 2 + numbers.below(30)};
  const test::HandSchedule& hand = by_hand[numbers.below(by_hand.size())];
  if (experiment.seed % 3 == 0) sizes.insert(std::max(least, hand.buffer_words));
  return sizes;
}

struct Fault {
  std::string law;  ///< which is broken
  std::string how;
};

/// All that is wrong with the plans of an experiment.
std::vector<Fault> faults(const Experiment& experiment) {
  std::vector<Fault> found;
  try {
    const std::uint64_t compulsory = test::compulsory_words(experiment);
    const std::vector<test::HandSchedule> by_hand = test::hand_schedules(experiment);
    const std::uint64_t least = smallest(experiment, Policy::layer);
    std::uint64_t size = smallest(experiment, Policy::best);
    const auto at_most = [&](const std::string& law, std::uint64_t words, std::uint64_t limit) {
      if (words <= limit) return;
      found.push_back(
          {law, fmt::format("{} words on chip: {} moved, more than {}", size, words, limit)});
    };
    at_most("best works where layer does", size, least);
    std::optional<std::uint64_t> best_before, recomputed_before;
    // Where every layer learns by itself there is nothing to make again, at any size. With others
    // it takes most of the time, and is looked at in one case of two.
    const bool local = workloads::learning_rule(experiment.rule).local;
    for (const std::uint64_t words : sizes_for(experiment, least, by_hand)) {
      size = words;
      const auto layer = planned(experiment, Policy::layer, size);
      const auto best = planned(experiment, Policy::best, size);
      const bool again = local ? !best_before : experiment.seed % 2 == 0;
      const auto with_recomputation =
          again ? planned(experiment, Policy::best_with_recomputation, size) : best;
      const auto paper = planned(experiment, Policy::paper, size);
      if (!layer || !best || !with_recomputation) {
        found.push_back({"a larger buffer than the smallest works", fmt::format("{}", size)});
        continue;
      }
      at_most("layer >= compulsory", compulsory, *layer);
      at_most("best >= compulsory", compulsory, *best);
      at_most("best <= layer", *best, *layer);
      at_most("best <= paper", *best, paper.value_or(*best));
      at_most("best does not grow with the buffer", *best, best_before.value_or(*best));
      if (again) {
        at_most("best-recompute >= compulsory", compulsory, *with_recomputation);
        at_most("best-recompute <= best", *with_recomputation, *best);
        at_most("best-recompute does not grow with the buffer", *with_recomputation,
                recomputed_before.value_or(*with_recomputation));
        recomputed_before = with_recomputation;
      }
      for (const test::HandSchedule& hand : by_hand) {
        if (hand.buffer_words <= size) at_most("best <= " + hand.name, *best, hand.words);
      }
      best_before = best;
    }
  } catch (const std::exception& error) {
    found.push_back({"no exception", error.what()});
  }
  return found;
}

/// How a law is broken, or nothing.
std::optional<std::string> broken(const Experiment& experiment, const std::string& law) {
  for (const Fault& fault : faults(experiment)) {
    if (fault.law == law) return fault.how;
  }
  return std::nullopt;
}

Experiment random_case(int number) {
  workloads::SplitMix numbers(20261126 + static_cast<std::uint64_t>(number));
  const std::vector<std::string> rules = workloads::learning_rule_names();
  const std::string& rule = rules[static_cast<std::size_t>(number) % rules.size()];
  while (true) {
    Experiment experiment = test::random_experiment(numbers, rule);
    // Most have up to two layers: others take longer to plan.
    if (number % 10 == 0 || experiment.network.layers.size() <= 2) return experiment;
  }
}

/// Cases first … first + quarter - 1.
void check_quarter(int first) {
  int checked = 0, failed = 0;
  for (; checked < quarter && failed < 3; ++checked) {
    const Experiment experiment = random_case(first + checked);
    const std::vector<Fault> found = faults(experiment);
    if (found.empty()) continue;
    ++failed;
    const std::string& law = found.front().law;
    const Experiment least = test::shrunk(
        experiment, [&](const Experiment& e) { return broken(e, law).has_value(); }, 300);
    FAIL_CHECK("case " << first + checked << ": " << law << ": " << found.front().how
                       << "\nat its smallest: " << broken(least, law).value_or("") << "\n"
                       << test::description(least));
  }
  CHECK(checked == quarter);
}

}  // namespace

TEST_CASE("plans of random networks move no less than they must and no more than others: 1") {
  check_quarter(0);
}
TEST_CASE("plans of random networks move no less than they must and no more than others: 2") {
  check_quarter(quarter);
}
TEST_CASE("plans of random networks move no less than they must and no more than others: 3") {
  check_quarter(2 * quarter);
}
TEST_CASE("plans of random networks move no less than they must and no more than others: 4") {
  check_quarter(3 * quarter);
}

}  // namespace spillway::plan_properties_test
