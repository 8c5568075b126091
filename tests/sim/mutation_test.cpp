// A program with one transfer missing or misdirected must be noticed: as an error when the device
// checks residency, and by the values themselves when it does not.
#include <doctest/doctest.h>

#include <set>

#include "sim/run/simulation.hpp"
#include "tests/support/device_programs.hpp"
#include "tests/support/random_experiment.hpp"
#include "tests/support/random_graph.hpp"
#include "tests/support/sanitized.hpp"
#include "workloads/kernels/operations.hpp"

namespace spillway::mutation_test {

using models::Instruction;
using models::Load;
using models::Program;
using models::Store;
using sim::Experiment;
using sim::Simulation;
using workloads::LayerSpec;
using workloads::Lifetime;
using workloads::ProgramError;
using workloads::Tensor;

namespace {

std::vector<Instruction> all_of(const Program& program) {
  std::vector<Instruction> instructions;
  while (auto instruction = program()) instructions.push_back(*instruction);
  return instructions;
}

/// A dimension of several elements in halves: the kernel on the first or the second half.
struct Half {
  std::int64_t begin, end;
  models::TileView of(const models::TileView& whole) const {
    models::Tile part = whole.part;
    part.box[0] = {begin, end};
    return {whole.tile, part};
  }
  std::int64_t size() const { return end - begin; }
};

/// One half of a kernel that treats the elements along its operands' first dimension alike, or
/// nothing. Operands `shared` of it are whole in both halves.
std::optional<models::Compute> half_of(const models::Compute& compute, const Half& half) {
  const auto parted = [&](std::size_t shared_from) {
    models::Compute result = compute;
    for (std::size_t i = 0; i < std::min(shared_from, result.inputs.size()); ++i) {
      result.inputs[i] = half.of(std::get<models::TileView>(result.inputs[i]));
    }
    for (models::TileView& view : result.outputs) view = half.of(view);
    return result;
  };
  const auto elements = [](const models::Compute& c) {
    return static_cast<std::int64_t>(c.outputs[0].part.elements());
  };
  models::Compute result = compute;
  if (compute.kernel.is<workloads::Relu>()) {
    result = parted(1);
    result.kernel = workloads::Relu{elements(result)};
  } else if (compute.kernel.is<workloads::ReluError>()) {
    result = parted(2);
    result.kernel = workloads::ReluError{elements(result)};
  } else if (const auto* update = compute.kernel.as<workloads::Update>()) {
    result = parted(compute.inputs.size());
    result.kernel = workloads::Update{elements(result), update->rate, update->momentum};
  } else if (const auto* adam = compute.kernel.as<workloads::AdamUpdate>()) {
    result = parted(compute.inputs.size());
    workloads::AdamUpdate part = *adam;
    part.elements = elements(result);
    result.kernel = part;
  } else if (const auto* fc = compute.kernel.as<workloads::FcForward>()) {
    result = parted(1);
    result.kernel = workloads::FcForward{{half.size(), fc->shape.inputs, fc->shape.outputs}};
  } else if (const auto* conv = compute.kernel.as<workloads::ConvForward>()) {
    workloads::ConvGeometry shape = conv->shape;
    shape.batch = half.size();
    result = parted(1);
    result.kernel = workloads::ConvForward{shape};
  } else {
    return std::nullopt;
  }
  return result;
}

/// The same program with kernels done in halves, on parts of tiles.
std::vector<Instruction> in_halves(const std::vector<Instruction>& program) {
  std::vector<Instruction> result;
  for (const Instruction& instruction : program) {
    const auto* compute = std::get_if<models::Compute>(&instruction);
    const std::int64_t size = compute == nullptr ? 0 : compute->outputs[0].part.box[0].size();
    if (size < 2 || !half_of(*compute, {0, size})) {
      result.push_back(instruction);
      continue;
    }
    result.push_back(*half_of(*compute, {0, size / 2}));
    result.push_back(*half_of(*compute, {size / 2, size}));
  }
  return result;
}

bool is_transfer(const Instruction& instruction) {
  return std::holds_alternative<Load>(instruction) || std::holds_alternative<Store>(instruction);
}

/// What is left after two steps: every tensor that outlives a step. Two, since momentum is zero in
/// the first and a missing store shows when the tensor is read again.
std::vector<std::byte> outcome(const Experiment& experiment, const sim::Plan& plan,
                               const std::vector<Instruction>& program, bool check) {
  const workloads::DataSplit data = sim::load_data(experiment);
  Simulation simulation(experiment, plan, {check});
  std::vector<std::byte> values;
  for (std::size_t step = 0; step < 2; ++step) {
    try {
      simulation.run_step(sim::make_batch(data.train, step * 7, experiment.batch),
                          test::pulled_from(program));
    } catch (const workloads::ConsistencyError&) {
      // A load sent to the other port shows in the counters, too; here only values are judged.
    }
    for (const Tensor& tensor : simulation.plan().step().tensors) {
      if (tensor.lifetime != Lifetime::parameter && tensor.lifetime != Lifetime::output) continue;
      const std::vector<std::byte> bytes = simulation.read(tensor.id);
      values.insert(values.end(), bytes.begin(), bytes.end());
    }
  }
  return values;
}

/// Transfers that change no value, by name, with the proof.
const std::set<std::string> neutral{};

struct Subject {
  Experiment experiment;
  sim::Plan plan;
  std::vector<Instruction> program;
  std::vector<std::byte> right_values;

  explicit Subject(const Experiment& e, bool halves = false)
      : experiment(e), plan(sim::make_plan(e)), program(all_of(plan.program())) {
    if (halves) program = in_halves(program);
    right_values = outcome(e, plan, program, true);
  }

  void require_noticed(const std::vector<Instruction>& mutant, const std::string& what) const {
    CAPTURE(what);
    CHECK_THROWS_AS(outcome(experiment, plan, mutant, true), ProgramError);
    if (neutral.contains(what)) return;
    bool noticed = false;
    try {
      noticed = outcome(experiment, plan, mutant, false) != right_values;
    } catch (const ProgramError&) {
      noticed = true;
    }
    CHECK(noticed);
  }

  std::string name(const Instruction& instruction) const {
    return describe(instruction, plan.map());
  }
};

std::vector<Subject> subjects(bool halves = false) {
  using namespace test;
  const workloads::Network mlp =
      workloads::make_network("mlp", {9, 1, 1}, 3, {fc(9), fc(9), fc(9)});
  const workloads::Network convnet = workloads::make_network(
      "convnet", {2, 6, 6}, 3, {pooled(conv(2, 3), 3, 1, 1), pooled(conv(2, 3), 3, 1, 1), fc(5)});
  std::vector<Subject> result;
  for (const workloads::Network& network : {mlp, convnet}) {
    for (const char* rule : {"bp", "lel"}) {
      for (const bool idealised : {true, false}) {
        Experiment e = experiment(network, rule, 4);
        e.device.buffer = workloads::Bytes(64 * 1024);
        if (!idealised) e.idealisations = sim::Idealisations::none();
        result.emplace_back(e, halves);
      }
    }
  }
  LayerSpec norm = pooled(conv(2, 3), 3, 1, 1), dropped = fc(5);
  norm.batch_norm = true;
  norm.bias = false;
  dropped.dropout = 0.5;
  workloads::Network masked =
      workloads::make_network("masked", {2, 6, 6}, 3, {norm, norm, dropped});
  masked.input_dropout = 0.2;
  for (const char* rule : {"bp", "fa", "dfa", "lel-scfb", "lel-tlc"}) {
    Experiment e = experiment(masked, rule, 4);
    e.device.buffer = workloads::Bytes(64 * 1024);
    e.idealisations = sim::Idealisations::none();
    result.emplace_back(e, halves);
  }
  // Not in halves, which would take longer than all others together.
  for (const char* rule : {"bp", "fa", "lel", "lel-tlc"}) {
    if (halves) break;
    Experiment e = experiment(residual_network(), rule, 4);
    e.device.buffer = workloads::Bytes(64 * 1024);
    e.idealisations = sim::Idealisations::none();
    result.emplace_back(e);
  }
  for (const char* rule : {"bp", "lel"}) {
    Experiment e = experiment(mlp, rule, 4);
    e.optimizer = workloads::Optimizer::of(workloads::OptimizerKind::adam);
    e.device.buffer = workloads::Bytes(64 * 1024);
    e.idealisations = sim::Idealisations::none();
    result.emplace_back(e, halves);
  }
  return result;
}

/// Programs of policies that cut operations into tiles, in buffers from the smallest on.
std::vector<Subject> tiled_subjects() {
  using namespace test;
  LayerSpec norm = pooled(conv(2, 3), 3, 2, 1), dropped = fc(3);
  norm.batch_norm = true;
  norm.bias = false;
  dropped.dropout = 0.5;
  // Without ReLU, behind which dead neurons hide what is missing.
  LayerSpec dense = fc(4);
  norm.relu = dropped.relu = dense.relu = false;
  const workloads::Network mlp = workloads::make_network("mlp", {4, 1, 1}, 3, {dense, dense});
  const workloads::Network masked =
      workloads::make_network("masked", {2, 4, 4}, 3, {norm, dropped});
  std::vector<Subject> result;
  for (const workloads::Network& network : {mlp, masked}) {
    for (const char* rule : {"bp", "dfa", "lel", "lel-tlc"}) {
      for (const sim::Policy policy : {sim::Policy::layer, sim::Policy::best}) {
        Experiment e = experiment(network, rule, 3);
        e.policy = policy;
        e.idealisations = sim::Idealisations::none();
        const std::uint64_t smallest = smallest_buffer_words(e);
        for (const std::uint64_t words : {smallest, smallest + 20}) {
          e.device.buffer = bytes_of(workloads::Words(words));
          result.emplace_back(e);
        }
      }
    }
  }
  return result;
}

/// The instruction adds to what is there, and done twice it changes nothing either: errors of a
/// part of a map may all be zero.
bool adds_zeros(const Subject& subject, std::size_t at) {
  const auto* compute = std::get_if<models::Compute>(&subject.program[at]);
  if (compute == nullptr || !accumulates(compute->kernel)) return false;
  std::vector<Instruction> twice = subject.program;
  twice.insert(twice.begin() + static_cast<std::ptrdiff_t>(at), subject.program[at]);
  return outcome(subject.experiment, subject.plan, twice, true) == subject.right_values;
}

}  // namespace

/// Of the instructions, and of how many mutants there are at least.
constexpr std::size_t every = test::cases(1, 5), least = test::cases(200, 35);

TEST_CASE("dropping any one load or store is noticed") {
  std::size_t mutants = 0;
  for (const Subject& subject : subjects()) {
    for (std::size_t i = 0; i < subject.program.size(); i += every) {
      if (!is_transfer(subject.program[i])) continue;
      std::vector<Instruction> mutant = subject.program;
      mutant.erase(mutant.begin() + static_cast<std::ptrdiff_t>(i));
      subject.require_noticed(mutant, "drop " + subject.name(subject.program[i]));
      ++mutants;
    }
  }
  CHECK(mutants > least);
}

TEST_CASE("dropping a load or store or half a kernel of a program on parts of tiles is noticed") {
  std::size_t mutants = 0, halves = 0;
  for (const Subject& subject : subjects(true)) {
    for (std::size_t i = 0; i < subject.program.size(); i += every) {
      const Instruction& instruction = subject.program[i];
      const auto* compute = std::get_if<models::Compute>(&instruction);
      // An update with the gradient of a dead map, which is zero, changes nothing.
      const bool is_half = compute != nullptr && !compute->outputs[0].is_whole() &&
                           !compute->kernel.contract().by_rows;
      if (!is_transfer(instruction) && !is_half) continue;
      std::vector<Instruction> mutant = subject.program;
      mutant.erase(mutant.begin() + static_cast<std::ptrdiff_t>(i));
      if (is_half) {
        // No rule is broken: the other half is poison, or has its old value.
        CAPTURE(subject.name(instruction));
        CHECK(outcome(subject.experiment, subject.plan, mutant, true) != subject.right_values);
        ++halves;
      } else {
        subject.require_noticed(mutant, "drop " + subject.name(instruction));
        ++mutants;
      }
    }
  }
  CHECK(mutants > least);
  CHECK(halves > least);
}

TEST_CASE("dropping any one instruction of a tiled program is noticed") {
  std::size_t transfers = 0, others = 0, idle = 0;
  for (const Subject& subject : tiled_subjects()) {
    CAPTURE(subject.experiment.rule);
    CAPTURE(subject.experiment.network.name);
    CAPTURE(to_string(subject.experiment.policy));
    CAPTURE(subject.experiment.device.buffer.count());
    // A selection where programs are long, at another place in each.
    const std::size_t step = 1 + subject.program.size() / 60;
    for (std::size_t i = subject.program.size() % step; i < subject.program.size();
         i += step * every) {
      std::vector<Instruction> mutant = subject.program;
      mutant.erase(mutant.begin() + static_cast<std::ptrdiff_t>(i));
      const std::string what = "drop " + subject.name(subject.program[i]);
      if (is_transfer(subject.program[i])) {
        subject.require_noticed(mutant, what);
        ++transfers;
      } else {
        CAPTURE(what);
        bool noticed = false;
        try {
          noticed = outcome(subject.experiment, subject.plan, mutant, true) != subject.right_values;
        } catch (const ProgramError&) {
          noticed = true;
        }
        const bool zeros = !noticed && adds_zeros(subject, i);
        CHECK((noticed || zeros));
        ++(zeros ? idle : others);
      }
    }
  }
  CHECK(transfers > 2 * least);
  CHECK(others > 2 * least);
  CHECK(idle < 10);
}

TEST_CASE("redirecting any one load to another tile of equal shape is noticed") {
  std::size_t mutants = 0;
  for (const Subject& subject : subjects()) {
    for (std::size_t i = 0; i < subject.program.size(); i += every) {
      const auto* load = std::get_if<Load>(&subject.program[i]);
      if (load == nullptr) continue;
      const Tensor& tensor = subject.plan.step().tensor(load->tile.tile.tensor);
      for (const Tensor& other : subject.plan.step().tensors) {
        if (other.id == tensor.id || other.shape != tensor.shape ||
            other.element != tensor.element) {
          continue;
        }
        std::vector<Instruction> mutant = subject.program;
        std::get<Load>(mutant[i]).tile.tile.tensor = other.id;
        subject.require_noticed(
            mutant, "redirect " + subject.name(subject.program[i]) + " to " + other.name);
        ++mutants;
      }
    }
  }
  CHECK(mutants > least);
}

TEST_CASE("a redundant transfer is an error") {
  for (const Subject& subject : subjects()) {
    for (std::size_t i = 0; i < subject.program.size(); i += every) {
      if (!is_transfer(subject.program[i])) continue;
      std::vector<Instruction> mutant = subject.program;
      mutant.insert(mutant.begin() + static_cast<std::ptrdiff_t>(i), subject.program[i]);
      CAPTURE(subject.name(subject.program[i]));
      CHECK_THROWS_AS(outcome(subject.experiment, subject.plan, mutant, true), ProgramError);
    }
  }
}

TEST_CASE("a program that frees nothing is a deadlock, reported with tile and words") {
  const Subject subject(subjects().front());
  // In a buffer just large enough some address is used twice.
  Experiment tight = subject.experiment;
  tight.device.buffer = bytes_of(subject.plan.buffer_words() + workloads::Words(64));
  std::vector<Instruction> mutant;
  for (const Instruction& instruction : all_of(sim::make_plan(tight).program())) {
    if (!std::holds_alternative<models::Free>(instruction)) mutant.push_back(instruction);
  }
  try {
    outcome(tight, sim::make_plan(tight), mutant, false);
    FAIL("not noticed");
  } catch (const ProgramError& error) {
    const std::string message = error.what();
    CAPTURE(message);
    CHECK(message.find("deadlock: ") != std::string::npos);
    CHECK(message.find(" needs ") != std::string::npos);
    CHECK(message.find(" words are free") != std::string::npos);
  }
}

}  // namespace spillway::mutation_test
