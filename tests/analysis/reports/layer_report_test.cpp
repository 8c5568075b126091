// A plan's words layer by layer, and the bounds beside them.
#include "analysis/reports/layer_report.hpp"

#include <doctest/doctest.h>

#include "analysis/closed_forms/lower_bound.hpp"
#include "analysis/formats/output.hpp"
#include "analysis/reports/report.hpp"
#include "sim/plan/reports/layer_words.hpp"
#include "tests/support/program.hpp"
#include "tests/support/random_experiment.hpp"
#include "workloads/step_needs.hpp"
#include "workloads/support/json.hpp"

namespace spillway::layer_report_test {

using analysis::layer_traffic;
using analysis::LayerTraffic;
using sim::Experiment;
using sim::Policy;
using workloads::Bytes;
using workloads::Words;

namespace {

Experiment in(Experiment experiment, Policy policy, std::uint64_t words) {
  experiment.policy = policy;
  experiment.device.buffer = bytes_of(Words(words));
  return experiment;
}

/// A pooled conv layer and two others, images in memory.
Experiment three_layers(const std::string& rule) {
  workloads::LayerSpec conv = test::conv(4, 3);
  conv.padding_mode = workloads::PaddingMode::same;
  Experiment experiment = test::experiment(
      workloads::make_network("three", {2, 6, 6}, 3, {test::pooled(conv, 2, 2), conv, test::fc(6)}),
      rule, 10);
  experiment.idealisations = sim::Idealisations::paper_but(sim::Item::input_images);
  return experiment;
}

}  // namespace

TEST_CASE("words by layer are all the words and none below every word once") {
  workloads::SplitMix numbers(5125);
  int compared = 0;
  for (const std::string& rule : workloads::learning_rule_names()) {
    for (int network = 0; network < 3; ++network) {
      const Experiment any = test::random_experiment(numbers, rule);
      for (const Policy policy :
           {Policy::paper, Policy::layer, Policy::best, Policy::best_with_recomputation}) {
        const std::uint64_t smallest = test::smallest_buffer_words(in(any, policy, 1));
        for (const std::uint64_t words : {smallest, 2 * smallest, std::uint64_t{1} << 20}) {
          const Experiment experiment = in(any, policy, words);
          CAPTURE(test::description(experiment));
          CAPTURE(to_string(policy));
          CAPTURE(words);
          const sim::Plan plan = make_plan(experiment);
          Words sum;
          for (const LayerTraffic& layer : layer_traffic(experiment, plan)) {
            CAPTURE(layer.layer);
            CHECK(layer.words() >= layer.once);
            sum += layer.words();
            ++compared;
          }
          CHECK(sum.count() == test::dram_words(plan));
        }
      }
    }
  }
  CHECK(compared > 500);
}

TEST_CASE("no plan moves less than every word once where windows leave out pixels") {
  workloads::SplitMix numbers(1212);
  const auto below = [&](std::uint64_t most) {
    return static_cast<std::int64_t>(numbers.below(most));
  };
  int compared = 0, exact = 0, left_out = 0;
  for (int network = 0; network < 16; ++network) {
    std::vector<workloads::LayerSpec> layers;
    for (std::int64_t i = 1 + below(2); i > 0; --i) {
      layers.push_back(test::conv(1 + below(3), 1 + below(2)));
      layers.back().padding_mode = workloads::PaddingMode::valid;
      layers.back().stride = {1 + below(3), 1 + below(3)};
      layers.back().batch_norm = numbers.below(5) == 0;
      layers.back().bias = !layers.back().batch_norm;
      if (numbers.below(2) == 0) layers.back() = test::pooled(layers.back(), 1 + below(2), 3);
    }
    layers.push_back(test::fc(1 + below(4)));
    const workloads::ImageShape input{1 + below(2), 9 + below(6), 9 + below(6)};
    const std::vector<std::string> rules = workloads::learning_rule_names();
    const std::string& rule = rules[static_cast<std::size_t>(network) % rules.size()];
    Experiment any;
    try {
      any = test::experiment(workloads::make_network("gaps", input, 2, layers), rule, 1 + below(2));
    } catch (const workloads::ShapeError&) {  // no room for all windows
      continue;
    }
    any.idealisations = numbers.below(2) == 0
                            ? sim::Idealisations::none()
                            : sim::Idealisations::paper_but(sim::Item::input_images);
    // Layers that do not learn read images for the forward pass alone.
    if (workloads::learning_rule(rule).local) {
      any.rule_options.fix = static_cast<int>(below(layers.size()));
    }
    for (const Policy policy : {Policy::paper, Policy::layer, Policy::best}) {
      const std::uint64_t smallest = test::smallest_buffer_words(in(any, policy, 1));
      for (const std::uint64_t words : {2 * smallest, std::uint64_t{1} << 20}) {
        const Experiment experiment = in(any, policy, words);
        CAPTURE(test::description(experiment));
        CAPTURE(to_string(policy));
        CAPTURE(words);
        const sim::Plan plan = make_plan(experiment);
        const auto traffic = layer_traffic(experiment, plan);
        for (const LayerTraffic& layer : traffic) {
          CAPTURE(layer.layer);
          CHECK(layer.words() >= layer.once);
          ++compared;
        }
        exact += traffic[0].words() == traffic[0].once;
        const workloads::Step& step = plan.step();
        const workloads::TensorId images = step.find("input.images").value();
        left_out += workloads::values_needed(step, images) < step.tensor(images).elements();
        if (rule == "bp") {
          CHECK(analysis::compulsory_words(experiment.network,
                                           static_cast<std::uint64_t>(experiment.batch)) -
                    2 * experiment.network.weights() ==
                Words(workloads::values_needed(step, images)));
        }
      }
    }
  }
  CHECK(compared > 150);
  CHECK(left_out > 40);
  CHECK(exact > 5);
}

TEST_CASE("every word once has the pixels on which something depends, and a plan that moves them") {
  const auto needed = [](const Experiment& experiment) {
    const workloads::Step step = sim::training_step(experiment);
    return workloads::values_needed(step, step.find("input.images").value());
  };
  const auto gaps = [](workloads::LayerSpec first, const std::string& rule) {
    return test::experiment(
        workloads::make_network("gaps", {1, 18, 18}, 2, {std::move(first), test::fc(3)}), rule, 1);
  };
  // A 1 x 1 convolution, of whose outputs pooling takes every second row and column.
  const workloads::LayerSpec pooled = test::pooled(test::conv(2, 1), 1, 2);
  for (const std::string& rule : workloads::learning_rule_names()) {
    CHECK(needed(gaps(pooled, rule)) == 81);
    workloads::LayerSpec normed = pooled;
    normed.batch_norm = true;
    normed.bias = false;
    CHECK(needed(gaps(normed, rule)) == 324);
  }
  // Every third row and column of a first layer's outputs: local classifiers and direct errors are
  // about all of them, errors from the layer above about no others.
  workloads::LayerSpec third = test::conv(2, 1);
  third.stride = {3, 3};
  const auto chain = [&](const std::string& rule) {
    return test::experiment(
        workloads::make_network("gaps", {1, 18, 18}, 324, {test::conv(2, 1), third}), rule, 1);
  };
  CHECK(needed(chain("bp")) == 36);
  CHECK(needed(chain("fa")) == 36);
  CHECK(needed(chain("dfa")) == 324);
  CHECK(needed(chain("lel")) == 324);
  CHECK(analysis::compulsory_words(chain("bp").network, 1) == Words(36 + 2 * (2 + 4)));
  Experiment own = chain("bp");
  own.rule_options.loss = workloads::Loss::mse;
  own.rule_options.targets = workloads::Targets::inputs;
  CHECK(needed(own) == 324);
  // A fixed layer reads them for its forward pass alone, and joined with pooling just these: the
  // images, two weights and two biases, a seed there and back, and the metrics.
  Experiment fixed = in(gaps(pooled, "lel"), Policy::best, 256);
  fixed.rule_options.fix = 1;
  fixed.idealisations = sim::Idealisations::none();
  const auto layers = layer_traffic(fixed, make_plan(fixed));
  CHECK(layers[0].once == layers[0].words());
  CHECK(layers[0].once == Words(81 + 2 + 2 + 1 + 1 + 2));
  // The product alone makes what is pooled and reads what that takes.
  CHECK(analysis::product_alone_words(fixed.network.layers[0], 1, Words(1 << 20)) ==
        Words(2 + 81 + 2 * 81));
}

TEST_CASE("every word once by layer is twice the weights and the images in the first") {
  for (const char* rule : {"bp", "lel"}) {
    const Experiment experiment = in(three_layers(rule), Policy::best, 1 << 20);
    const auto layers = layer_traffic(experiment, make_plan(experiment));
    REQUIRE(layers.size() == 3);
    CHECK(layers[0].once == Words(10 * 2 * 36 + 2 * 4 * 2 * 9));
    CHECK(layers[1].once == Words(2 * 4 * 4 * 9));
    CHECK(layers[2].once == Words(2 * 36 * 6));
    Words once;
    for (const LayerTraffic& layer : layers) once += layer.once;
    CHECK(once == analysis::compulsory_words(experiment.network, 10));
    // With room for everything the plan moves just that.
    for (const LayerTraffic& layer : layers) CHECK(layer.words() == layer.once);
  }
}

TEST_CASE("products alone have a bound where operands lie in memory and errors are dense") {
  const Experiment experiment = in(three_layers("bp"), Policy::layer, 60);
  const auto& network = experiment.network.layers;
  const auto layers = layer_traffic(experiment, make_plan(experiment));
  REQUIRE(layers.size() == 4);  // and the readout
  for (std::size_t i = 0; i < 3; ++i) {
    const Words alone = analysis::product_alone_words(network[i], 10, Words(60));
    CHECK(layers[i].forward_alone == alone);
    if (i == 0) CHECK_FALSE(layers[i].gradients_alone);  // it pools
    if (i > 0) CHECK(layers[i].gradients_alone == 2 * alone);
  }
  // Images that the host carries cost nothing.
  Experiment hosted = experiment;
  hosted.idealisations = sim::Idealisations::paper();
  CHECK_FALSE(layer_traffic(hosted, make_plan(hosted))[0].forward_alone);
  CHECK(layer_traffic(hosted, make_plan(hosted))[1].forward_alone);
  // Feedback alignment goes back through weights that nobody stores.
  const Experiment random = in(three_layers("fa"), Policy::layer, 60);
  CHECK_FALSE(layer_traffic(random, make_plan(random))[1].gradients_alone);
  // Local errors have no input gradient.
  const Experiment local = in(three_layers("lel"), Policy::layer, 60);
  CHECK(layer_traffic(local, make_plan(local))[1].gradients_alone ==
        analysis::product_alone_words(network[1], 10, Words(60)));
}

TEST_CASE("operations by themselves stay above the bounds of their products") {
  workloads::SplitMix numbers(77);
  int compared = 0;
  for (int network = 0; network < 40; ++network) {
    Experiment any = test::random_experiment(numbers, network % 2 == 0 ? "bp" : "lel");
    any.idealisations = sim::Idealisations::none();
    const std::uint64_t smallest = test::smallest_buffer_words(in(any, Policy::layer, 1));
    for (const std::uint64_t words : {smallest, 2 * smallest, 8 * smallest}) {
      const Experiment experiment = in(any, Policy::layer, words);
      CAPTURE(test::description(experiment));
      CAPTURE(words);
      for (const LayerTraffic& layer : layer_traffic(experiment, make_plan(experiment))) {
        CAPTURE(layer.layer);
        if (layer.forward_alone) CHECK(layer.forward >= *layer.forward_alone);
        if (layer.gradients_alone) CHECK(layer.rest >= *layer.gradients_alone);
        compared += layer.forward_alone.has_value() + layer.gradients_alone.has_value();
      }
    }
  }
  CHECK(compared > 100);
}

TEST_CASE("plan shows layers in its text and in JSON") {
  const test::TemporaryFolder folder;
  const test::ProgramRun run = test::run_spillway(
      {"plan", "cifar10-5layer-bp", "--set", "network.batch_norm=false", "--policy",
       "best-recompute", "--set", "device.buffer=4MiB", "--json", "plan.json"},
      folder.path());
  CAPTURE(run.err);
  REQUIRE(run.exit_code == 0);
  const auto json = parse_json(folder.read("plan.json"));
  const auto& layers = json.at("layers");
  CHECK(layers.size() == 5);
  std::uint64_t sum = 0;
  for (const auto& layer : layers) {
    sum += layer.at("words").get<std::uint64_t>();
    CHECK(layer.at("words") == layer.at("forward_words").get<std::uint64_t>() +
                                   layer.at("other_words").get<std::uint64_t>());
    const bool dense = layer.at("layer").get<std::string>().starts_with("fc");
    CHECK(layer.contains("gradients_alone_words") == dense);
    CHECK(run.out.find(analysis::grouped(layer.at("words").get<std::uint64_t>())) !=
          std::string::npos);
  }
  CHECK(sum == json.at("dram").at("read_words").get<std::uint64_t>() +
                   json.at("dram").at("write_words").get<std::uint64_t>());
  CHECK_FALSE(layers[0].contains("forward_alone_words"));  // images come from the host
  CHECK(layers[1].contains("forward_alone_words"));
  CHECK(json.at("nests").size() > 3);
  CHECK(json.at("macs_again").get<std::uint64_t>() > 0);
  CHECK(json.at("macs").get<std::uint64_t>() > json.at("macs_again").get<std::uint64_t>());
}

}  // namespace spillway::layer_report_test
