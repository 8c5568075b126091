// How many parameters a network has, as published and as the paper counts.
#include <doctest/doctest.h>

#include "tests/support/program.hpp"
#include "workloads/parameters.hpp"
#include "workloads/rules/rule.hpp"
#include "workloads/support/json.hpp"
#include "workloads/support/shared_files.hpp"

namespace spillway::network_report_test {

TEST_CASE("vgg16 has the 138 357 544 parameters that are published") {
  const test::TemporaryFolder folder;
  const test::ProgramRun run =
      test::run_spillway({"network", "vgg16", "--json", "j"}, folder.path());
  REQUIRE(run.exit_code == 0);
  const Json result = parse_json(folder.read("j"));
  CHECK(result.at("weights") == 134'248'128);
  CHECK(result.at("readout_weights") == 4'096'000);
  CHECK(result.at("readout_biases") == 1000);
  CHECK(result.at("biases") == 12'416);
  CHECK(result.at("batch_norm_parameters") == 0);
  CHECK(result.at("parameters") == 138'357'544);
  CHECK(run.out.find("138 357 544") != std::string::npos);
  CHECK(run.out.find("134 248 128") != std::string::npos);
}

TEST_CASE("parameters of every shipped network are those that a step of bp learns") {
  for (const std::string& name : workloads::shared_names("workloads/networks")) {
    CAPTURE(name);
    const workloads::Network network = workloads::read_network(
        workloads::shared_folder() / "workloads" / "networks" / (name + ".yaml"));
    const workloads::Step step =
        workloads::learning_rule("bp").training_step(network, {.batch = 2, .optimizer = {0.1, 0}});
    std::uint64_t learned = 0;
    for (const workloads::Tensor& tensor : step.tensors) {
      using Kind = workloads::TensorKind;
      const bool counts = tensor.kind == Kind::weights || tensor.kind == Kind::biases ||
                          tensor.kind == Kind::norm_parameters;
      if (counts) learned += words_of(tensor.bytes()).count();
    }
    CHECK(count_parameters(network).all().count() == learned);
  }
}

}  // namespace spillway::network_report_test
