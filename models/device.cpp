#include "models/device.hpp"

#include <systemc>

#include "models/accelerator.hpp"
#include "models/stack_bounds.hpp"

/// The SystemC library wants this symbol although our own main() is the entry.
extern "C" int sc_main(int, char*[]) { return 0; }

namespace spillway::models {

namespace {

/// A simulation context of its own. SystemC keeps the current one in a global; it is put in place
/// for as long as an Active lives.
class Context {
 public:
  Context() {
    sc_core::sc_get_curr_simcontext();  // make the first context, which must never be deleted
    context_ = std::make_unique<sc_core::sc_simcontext>();
  }
  sc_core::sc_simcontext* get() { return context_.get(); }

 private:
  std::unique_ptr<sc_core::sc_simcontext> context_;
};

class Active {
 public:
  explicit Active(Context& context) : before_(sc_core::sc_curr_simcontext) {
    sc_core::sc_curr_simcontext = context.get();
  }
  ~Active() { sc_core::sc_curr_simcontext = before_; }
  Active(const Active&) = delete;
  Active& operator=(const Active&) = delete;

 private:
  sc_core::sc_simcontext* before_;
};

HostCounters difference(const HostCounters& after, const HostCounters& before) {
  return {after.read_words - before.read_words, after.write_words - before.write_words,
          after.read_bytes - before.read_bytes, after.write_bytes - before.write_bytes};
}

}  // namespace

class Device::Implementation {
 public:
  Implementation(const DeviceConfig& config, const DeviceOptions& options) : config_(config) {
    sc_core::sc_report_handler::set_actions(sc_core::SC_INFO, sc_core::SC_DO_NOTHING);
    sc_core::sc_report_handler::set_actions(sc_core::SC_WARNING, sc_core::SC_THROW);
    const Active active(context_);
    accelerator_ = std::make_unique<Accelerator>("accelerator", config_, options);
    accelerator_->dram.observe(options.observers);
  }
  ~Implementation() {
    const Active active(context_);
    accelerator_.reset();
  }

  Accelerator& accelerator() { return *accelerator_; }

  Execution execute(const MemoryMap& map, const Program& program) {
    const Active active(context_);
    const HostCounters host_before = accelerator_->host.counters();
    const OnChipBuffer& buffer = accelerator_->shared.buffer;
    const Accesses accesses_before{buffer.bytes_read(), buffer.bytes_written()};
    const Picoseconds begin = sim_time();
    accelerator_->begin(map, program);
    sc_core::sc_start();
    restore_stack_bounds();
    accelerator_->end();
    const Picoseconds end = accelerator_->dram.end_program();
    accelerator_->keep_times(end);
    Execution result = std::move(accelerator_->shared.execution);
    result.time = end - begin;
    result.dram = accelerator_->dram.counters();
    result.host = difference(accelerator_->host.counters(), host_before);
    result.cycles = Cycles(workloads::ceil_div(result.time.count(), config_.clock_period.count()));
    for (WorkTimes& work : result.by_work) {
      if (!work.any) continue;
      work.first -= begin;
      work.last -= begin;
    }
    result.buffer = {buffer.bytes_read() - accesses_before.read,
                     buffer.bytes_written() - accesses_before.written};
    result.high_water = buffer.high_water();
    return result;
  }

 private:
  DeviceConfig config_;
  Context context_;
  std::unique_ptr<Accelerator> accelerator_;
};

ComputeWork& ComputeWork::operator+=(const ComputeWork& other) {
  array += other.array;
  vector_unit += other.vector_unit;
  buffer_port += other.buffer_port;
  macs += other.macs;
  return *this;
}

Device::Device(const DeviceConfig& config, const DeviceOptions& options)
    : implementation_(std::make_unique<Implementation>(config, options)) {}
Device::~Device() = default;

BackingStore& Device::dram() { return implementation_->accelerator().dram.store(); }
BackingStore& Device::host() { return implementation_->accelerator().host.store(); }

Execution Device::execute(const MemoryMap& map, const Program& program) {
  return implementation_->execute(map, program);
}

}  // namespace spillway::models
