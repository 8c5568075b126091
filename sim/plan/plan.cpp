#include "sim/plan/plan.hpp"

#include <deque>
#include <map>
#include <set>

#include "sim/plan/allocation/buffer_too_small.hpp"
#include "sim/plan/allocation/placement.hpp"
#include "sim/plan/allocation/schedule_placement.hpp"
#include "sim/plan/emission/order_check.hpp"
#include "sim/plan/emission/schedule_program.hpp"
#include "sim/plan/lifetimes/whole_tensors.hpp"
#include "sim/plan/policies/policies.hpp"

namespace spillway::sim {

using models::BufferedTile;
using models::Instruction;
using workloads::Op;
using workloads::Phase;
using workloads::Step;
using workloads::Tensor;
using workloads::TensorId;

namespace {

/// Count a transfer of a residency's tile in the ledger; returns its line.
std::size_t book(Ledger& ledger, const Step& step, const models::MemoryMap& map,
                 const Residency& residency, Phase phase, Direction direction) {
  const Tensor& tensor = step.tensor(residency.tensor);
  const LedgerKey key{map.at(tensor.id).port, tensor.layer, phase, tensor.kind, direction,
                      item_of(step, tensor)};
  const std::size_t line = ledger.line(key, step.layer_names[tensor.layer]);
  const models::TileSize size =
      models::tile_size(tile_of(residency, step), tensor.shape, tensor.element);
  ledger.add(line, size.words, size.bytes);
  return line;
}

}  // namespace

Plan::Plan(Step step, const models::DeviceConfig& device, const Idealisations& idealisations,
           Policy policy) {
  auto content = std::make_shared<Content>();
  content->step = std::move(step);
  content->map = place_tensors(content->step, idealisations, device);
  switch (policy) {
    case Policy::paper:
      follow_residencies(*content, paper_residencies(content->step), device);
      break;
    case Policy::layer: follow_schedule(*content, layer_schedule(task(*content, device))); break;
    case Policy::best:
    case Policy::best_with_recomputation:
      follow_best(content, device, policy == Policy::best_with_recomputation);
      break;
  }
  content_ = std::move(content);
}

Plan::Plan(Step step, const models::DeviceConfig& device, const Idealisations& idealisations,
           Schedule schedule) {
  auto content = std::make_shared<Content>();
  content->step = std::move(step);
  content->map = place_tensors(content->step, idealisations, device);
  follow_schedule(*content, std::move(schedule));
  content_ = std::move(content);
}

ScheduleTask Plan::task(const Content& content, const models::DeviceConfig& device) {
  return {content.step, content.map, device};
}

void Plan::follow_schedule(Content& content, Schedule schedule) {
  content.schedule = std::move(schedule);
  check_order(content.schedule, content.step);
  content.lines = book(content.schedule, content.step, content.map, content.ledger);
  content.buffer_words = Words(most_words(content.schedule, content.step));
}

/// Tiles, or whole tensors where those fit and move less.
void Plan::follow_best(std::shared_ptr<Content>& content, const models::DeviceConfig& device,
                       bool recompute) {
  const auto words = [](const Content& of) {
    return of.ledger.total(models::Port::dram, Direction::read) +
           of.ledger.total(models::Port::dram, Direction::write);
  };
  std::shared_ptr<Content> best;
  for (auto* residencies_of : {lasting_residencies, paper_residencies}) {
    auto whole = std::make_shared<Content>(*content);
    std::vector<Residency> residencies = residencies_of(whole->step);
    std::erase_if(residencies, [](const Residency& residency) {
      return residency.begin == Residency::Begin::generate;
    });
    try {
      follow_residencies(*whole, std::move(residencies), device);
    } catch (const BufferTooSmall&) {
      continue;
    }
    if (!best || words(*whole) < words(*best)) best = whole;
  }
  auto tiled = std::make_shared<Content>(*content);
  follow_schedule(*tiled, best_schedule(task(*tiled, device), recompute));
  content = best && words(*best) <= words(*tiled) ? best : tiled;
}

void Plan::follow_residencies(Content& content, std::vector<Residency> residencies,
                              const models::DeviceConfig& device) {
  const Step& s = content.step;
  content.residencies = std::move(residencies);
  place_residencies(s, device, content.residencies);
  content.buffer_words = buffer_need(s, content.residencies).words;
  content.beginning.resize(s.ops.size());
  content.ending.resize(s.ops.size());
  for (std::size_t i = 0; i < content.residencies.size(); ++i) {
    const Residency& residency = content.residencies[i];
    content.beginning[residency.first].push_back(i);
    content.ending[residency.last].push_back(i);
    const bool loads = residency.begin == Residency::Begin::load;
    content.load_lines.push_back(loads ? book(content.ledger, s, content.map, residency,
                                              s.ops[residency.first].phase, Direction::read)
                                       : 0);
    content.store_lines.push_back(residency.stored
                                      ? book(content.ledger, s, content.map, residency,
                                             s.ops[residency.last].phase, Direction::write)
                                      : 0);
  }
}

/// Makes the instructions of one operation after another.
class Plan::Emitter {
 public:
  Emitter(std::shared_ptr<const Content> content, double rate_scale)
      : content_(std::move(content)), rate_scale_(rate_scale) {}

  std::optional<Instruction> next() {
    while (pending_.empty() && op_ < content_->step.ops.size()) emit(op_++);
    if (pending_.empty()) return std::nullopt;
    Instruction instruction = std::move(pending_.front());
    pending_.pop_front();
    return instruction;
  }

 private:
  void emit(std::size_t i) {
    const Op& op = content_->step.ops[i];
    for (const std::size_t r : content_->beginning[i]) {
      const Residency& residency = content_->residencies[r];
      const BufferedTile tile{tile_of(residency, content_->step),
                              bytes_of(residency.address).count()};
      on_chip_[residency.tensor] = tile;
      changed_.erase(residency.tensor);
      if (residency.begin == Residency::Begin::load) {
        pending_.push_back(models::Load{tile, label(content_->load_lines[r])});
      }
    }
    for (const std::size_t r : content_->beginning[i]) {
      const Residency& residency = content_->residencies[r];
      if (residency.begin != Residency::Begin::generate) continue;
      const workloads::Generated& made = *content_->step.tensor(residency.tensor).generated;
      std::optional<BufferedTile> sign_seed;
      if (made.sign_seed) sign_seed = on_chip_.at(*made.sign_seed);
      changed_.insert(residency.tensor);
      pending_.push_back(models::Generate{on_chip_.at(residency.tensor), on_chip_.at(made.seed),
                                          sign_seed, made.values});
    }
    pending_.push_back(models::Compute{with_rate_scale(op.kernel, rate_scale_), inputs(op.inputs),
                                       outputs(op.outputs),
                                       op.layer == content_->step.readout_layer()});
    changed_.insert(op.outputs.begin(), op.outputs.end());
    for (const std::size_t r : content_->ending[i]) {
      const Residency& residency = content_->residencies[r];
      const BufferedTile tile{tile_of(residency, content_->step),
                              bytes_of(residency.address).count()};
      if (residency.stored) {
        pending_.push_back(models::Store{tile, label(content_->store_lines[r])});
      }
      pending_.push_back(
          models::Free{tile, changed_.contains(residency.tensor) && !residency.stored});
    }
  }

  static models::LedgerLabel label(std::size_t line) {
    return static_cast<models::LedgerLabel>(line);
  }

  /// What has no place in the buffer streams into the array.
  std::vector<models::Input> inputs(const std::vector<TensorId>& ids) const {
    std::vector<models::Input> result;
    for (const TensorId id : ids) {
      const Tensor& tensor = content_->step.tensor(id);
      if (!tensor.generated || on_chip_.contains(id)) {
        result.push_back(models::TileView(on_chip_.at(id)));
        continue;
      }
      std::optional<BufferedTile> sign_seed;
      if (tensor.generated->sign_seed) sign_seed = on_chip_.at(*tensor.generated->sign_seed);
      result.push_back(models::Streamed{models::whole_tensor(id, tensor.shape),
                                        on_chip_.at(tensor.generated->seed), sign_seed,
                                        tensor.generated->values});
    }
    return result;
  }
  std::vector<models::TileView> outputs(const std::vector<TensorId>& ids) const {
    std::vector<models::TileView> result;
    for (const TensorId id : ids) result.push_back(on_chip_.at(id));
    return result;
  }

  std::shared_ptr<const Content> content_;
  double rate_scale_;
  std::size_t op_ = 0;
  std::deque<Instruction> pending_;
  std::map<TensorId, BufferedTile> on_chip_;
  std::set<TensorId> changed_;  // since they are on chip
};

models::Program Plan::program(double rate_scale) const {
  if (!content_->schedule.nests.empty()) {
    auto program = std::make_shared<ScheduleProgram>(content_->schedule, content_->step,
                                                     content_->lines, rate_scale);
    return [program, content = content_] { return program->next(); };
  }
  auto emitter = std::make_shared<Emitter>(content_, rate_scale);
  return [emitter] { return emitter->next(); };
}

std::vector<StageReason> Plan::reasons() const {
  const Step& s = step();
  std::vector<StageReason> reasons;
  for (const workloads::Stage& stage : s.stages) reasons.push_back({stage.name, {}, {}, {}});
  for (const Residency& residency : residencies()) {
    const std::string& name = s.tensor(residency.tensor).name;
    const std::size_t first = s.ops[residency.first].stage;
    const std::size_t last = s.ops[residency.last].stage;
    if (residency.begin == Residency::Begin::load) reasons[first].arrives.push_back(name);
    for (std::size_t stage = first + 1; stage <= last; ++stage)
      reasons[stage].stays.push_back(name);
    if (residency.stored) reasons[last].stored.push_back(name);
  }
  return reasons;
}

Plan make_plan(const Experiment& experiment, int only_layer) {
  return Plan(training_step(experiment, only_layer), experiment.device, experiment.idealisations,
              experiment.policy);
}

}  // namespace spillway::sim
