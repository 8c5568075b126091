// Every value of an enumeration that files and reports name has a name, and reads back from it.
#include <doctest/doctest.h>

#include <set>

#include "models/compute_array.hpp"
#include "models/dram/controllers/registry.hpp"
#include "models/dram/device.hpp"
#include "models/dram/traces/trace_format.hpp"
#include "models/energy/energy_model.hpp"
#include "sim/experiment.hpp"
#include "sim/idealisations.hpp"
#include "sim/plan/emission/ledger.hpp"
#include "sim/plan/mapping/projection.hpp"
#include "tests/support/enumerators.hpp"
#include "workloads/network.hpp"
#include "workloads/random_values.hpp"
#include "workloads/rules/rule.hpp"
#include "workloads/step.hpp"

namespace spillway::names_test {

namespace {

enum class Gaps { first = 1, third = 3 };

template <class Enum, std::size_t count>
void check(const char* table_name, const workloads::Names<Enum, count>& table) {
  CAPTURE(table_name);
  const std::vector<Enum> values = test::enumerators<Enum>();
  CHECK(values.size() == count);
  const std::vector<std::string> names = names_in(table);
  CHECK(std::set(names.begin(), names.end()).size() == count);
  for (const Enum value : values) {
    const std::string name = name_in(table, value);
    CHECK_FALSE(name.empty());
    CHECK(value_in(table, name) == value);
  }
  CHECK_FALSE(value_in(table, "no such name"));
  CHECK_THROWS_AS(name_in(table, static_cast<Enum>(63)), std::logic_error);
}

template <class Enum>
std::set<std::string> texts() {
  std::set<std::string> all;
  for (const Enum value : test::enumerators<Enum>()) all.insert(to_string(value));
  return all;
}

}  // namespace

TEST_CASE("the declared values of an enumeration are found") {
  CHECK(test::enumerators<Gaps>() == std::vector{Gaps::first, Gaps::third});
}

TEST_CASE("every value has a name and reads back from it") {
  check("tensor_kind_names", workloads::tensor_kind_names);
  check("phase_names", workloads::phase_names);
  check("loss_names", workloads::loss_names);
  check("targets_names", workloads::targets_names);
  check("optimizer_kind_names", workloads::optimizer_kind_names);
  check("distribution_names", workloads::distribution_names);
  check("layer_kind_names", workloads::layer_kind_names);
  check("readout_names", workloads::readout_names);
  check("dataflow_names", models::dataflow_names);
  check("page_policy_names", models::dram::page_policy_names);
  check("refresh_mode_names", models::dram::refresh_mode_names);
  check("rank_refresh_names", models::dram::rank_refresh_names);
  check("placement_names", models::dram::placement_names);
  check("digit_names", models::dram::digit_names);
  check("trace_formats", models::dram::trace_formats);
  check("evidence_names", models::evidence_names);
  check("number_format_names", models::number_format_names);
  check("law_form_names", models::law_form_names);
  check("buffer_user_names", models::buffer_user_names);
  check("energy_part_names", models::energy_part_names);
  check("random_matrices_names", workloads::random_matrices_names);
  check("item_names", sim::item_names);
  check("policy_names", sim::policy_names);
  check("objective_names", sim::objective_names);
}

TEST_CASE("every kind of controller is registered once") {
  using models::dram::Scheduler;
  const auto kinds = models::dram::controller_kinds();
  const std::vector<Scheduler> schedulers = test::enumerators<Scheduler>();
  CHECK(kinds.size() == schedulers.size());
  for (const Scheduler scheduler : schedulers) {
    CHECK(models::dram::controller_kind(scheduler).scheduler == scheduler);
    CHECK(models::dram::parse_scheduler(models::dram::scheduler_name(scheduler)) == scheduler);
  }
}

TEST_CASE("what is only printed has a name of its own for each value") {
  CHECK(texts<sim::Direction>().size() == test::enumerators<sim::Direction>().size());
  CHECK(texts<sim::Axis>().size() == test::enumerators<sim::Axis>().size());
}

}  // namespace spillway::names_test
