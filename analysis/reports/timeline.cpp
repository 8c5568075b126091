#include "analysis/reports/timeline.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "analysis/formats/json.hpp"

namespace spillway::analysis {

using models::EngineKind;
using models::Picoseconds;
using models::WorkLabel;

namespace {

constexpr std::size_t windows_of_counters = 2000;
constexpr int chip = 1, memory = 2;  // processes of the viewer

/// In microseconds, to the picosecond.
std::string microseconds(Picoseconds time) {
  return fmt::format("{}.{:06}", time.count() / 1'000'000, time.count() % 1'000'000);
}

std::string quoted(const std::string& text) { return Json(text).dump(); }

/// One event to a line.
class Events {
 public:
  void add(const std::string& event) {
    text_ += text_.empty() ? "" : ",\n";
    text_ += event;
  }
  void name_process(int process, const std::string& name) {
    add(fmt::format(R"({{"name":"process_name","ph":"M","pid":{},"args":{{"name":{}}}}})", process,
                    quoted(name)));
  }
  void name_track(int process, std::size_t track, const std::string& name) {
    add(fmt::format(R"({{"name":"thread_name","ph":"M","pid":{},"tid":{},"args":{{"name":{}}}}})",
                    process, track, quoted(name)));
    add(fmt::format(
        R"({{"name":"thread_sort_index","ph":"M","pid":{},"tid":{},"args":{{"sort_index":{}}}}})",
        process, track, track));
  }
  void slice(const std::string& name, const std::string& category, int process, std::size_t track,
             Picoseconds begin, Picoseconds end, const std::string& args) {
    add(fmt::format(
        R"({{"name":{},"cat":{},"ph":"X","pid":{},"tid":{},"ts":{},"dur":{},"args":{{{}}}}})",
        quoted(name), quoted(category), process, track, microseconds(begin),
        microseconds(end - begin), args));
  }
  void counter(const std::string& name, int process, Picoseconds time, const std::string& args) {
    add(fmt::format(R"({{"name":{},"ph":"C","pid":{},"ts":{},"args":{{{}}}}})", quoted(name),
                    process, microseconds(time), args));
  }
  const std::string& text() const { return text_; }

 private:
  std::string text_;
};

double share_of(std::uint64_t part, std::uint64_t all) {
  return all == 0 ? 0 : 100 * static_cast<double>(part) / static_cast<double>(all);
}

void add_channels(Events& events, const sim::Overview& overview,
                  const models::dram::DramDevice& dram) {
  const double peak = dram.peak_bytes_per_ns() / dram.channels *
                      static_cast<double>(overview.window().count()) / 1000;
  Picoseconds begin;
  for (const sim::OverviewWindow& window : overview.windows()) {
    for (std::size_t channel = 0; channel < window.channels.size(); ++channel) {
      const auto& [read, written] = window.channels[channel];
      const auto bytes = static_cast<double>((read + written).count());
      if (bytes == 0) continue;
      events.slice(
          fmt::format("{:.0f} % of peak", 100 * bytes / peak), "dram", memory, channel + 1, begin,
          begin + overview.window(),
          fmt::format(R"("read bytes":{},"written bytes":{})", read.count(), written.count()));
    }
    begin += overview.window();
  }
}

void add_counters(Events& events, const sim::Overview& overview) {
  const double window_ns = static_cast<double>(overview.window().count()) / 1000;
  Picoseconds begin;
  for (const sim::OverviewWindow& window : overview.windows()) {
    models::Bytes read, written;
    for (const auto& channel : window.channels) {
      read += channel.read;
      written += channel.written;
    }
    events.counter("buffer reserved", chip, begin,
                   fmt::format(R"("bytes":{})", window.buffer.count()));
    events.counter("DRAM bandwidth", memory, begin,
                   fmt::format(R"("read GB/s":{:.4f},"written GB/s":{:.4f})",
                               static_cast<double>(read.count()) / window_ns,
                               static_cast<double>(written.count()) / window_ns));
    begin += overview.window();
  }
}

}  // namespace

Timeline::Timeline(const models::DeviceConfig& device, Picoseconds sampling_interval,
                   std::size_t most_slices)
    : device_(device),
      sampling_interval_(std::max(Picoseconds(1), sampling_interval)),
      most_slices_(std::max<std::size_t>(64, most_slices)),
      overview_(device.dram, windows_of_counters) {}

void Timeline::work(const models::WorkSlice& slice) {
  Slice next{slice.engine, slice.begin, slice.end, slice.work, {}, 1, {}};
  if (!is_aggregated()) {
    next.what = describe(*slice.instruction, *map_);
    slices_.push_back(std::move(next));
  } else {
    const auto last = last_.find(slice.engine);
    if (last != last_.end() && are_joined(slices_[last->second], next)) {
      join(slices_[last->second], next);
    } else {
      last_[slice.engine] = slices_.size();
      slices_.push_back(std::move(next));
    }
  }
  if (slices_.size() > most_slices_) aggregate();
}

void Timeline::join(Slice& slice, const Slice& next) {
  const auto add = [&](const Slice& from) {
    if (from.busy.empty()) slice.busy[from.work] += from.end - from.begin;
    for (const auto& [work, time] : from.busy) slice.busy[work] += time;
  };
  if (slice.busy.empty()) add(Slice{slice});
  add(next);
  slice.end = next.end;
  slice.instructions += next.instructions;
  slice.what.clear();
}

/// Windows that leave at most half as many slices of what has been so far.
void Timeline::aggregate() {
  Picoseconds end;
  for (const Slice& slice : slices_) end = std::max(end, slice.end);
  const std::uint64_t windows = most_slices_ / (2 * models::all_engines.size());
  window_ = std::max(window_ * 2, Picoseconds(end.count() / windows + 1));
  const std::vector<Slice> all = std::move(slices_);
  slices_.clear();
  last_.clear();
  for (const Slice& slice : all) {
    const auto last = last_.find(slice.engine);
    if (last != last_.end() && are_joined(slices_[last->second], slice)) {
      join(slices_[last->second], slice);
    } else {
      last_[slice.engine] = slices_.size();
      slices_.push_back(slice);
    }
  }
}

void Timeline::sample(Picoseconds now, const models::dram::Statistics& counters) {
  samples_.push_back({now, counters});
}

std::string Timeline::json(const std::string& name, const sim::Result& result) {
  overview_.finish(result.execution.time);
  std::map<WorkLabel, std::string> purpose;
  for (std::size_t i = 0; i < result.timing.size(); ++i) {
    const sim::LayerTime& line = result.timing[i];
    purpose[static_cast<WorkLabel>(i + 1)] = line.name + " " + to_string(line.phase);
  }
  const auto purpose_of = [&](WorkLabel work) {
    const auto known = purpose.find(work);
    return known == purpose.end() ? std::string("other") : known->second;
  };

  Events events;
  events.name_process(chip, "chip: " + name);
  events.name_process(memory, "DRAM: " + device_.dram.name);
  for (const EngineKind engine : models::all_engines) {
    events.name_track(chip, static_cast<std::size_t>(engine) + 1, engine_name(engine));
  }
  for (std::size_t channel = 0; channel < device_.dram.channels; ++channel) {
    events.name_track(memory, channel + 1, fmt::format("channel {}", channel));
  }
  for (const Slice& slice : slices_) {
    std::string what, busy;
    const auto add = [&](WorkLabel work, Picoseconds time) {
      busy += fmt::format("{}{}:{}", busy.empty() ? "" : ",", quoted(purpose_of(work)),
                          microseconds(time));
    };
    if (slice.busy.empty()) {
      what = purpose_of(slice.work) + ": " + slice.what;
      add(slice.work, slice.end - slice.begin);
    } else {
      for (const auto& [work, time] : slice.busy) add(work, time);
      const std::string first = purpose_of(slice.busy.begin()->first);
      what = fmt::format("{}{}: {} instructions", first, slice.busy.size() > 1 ? " and others" : "",
                         slice.instructions);
    }
    events.slice(what, engine_name(slice.engine), chip, static_cast<std::size_t>(slice.engine) + 1,
                 slice.begin, slice.end, fmt::format(R"("busy us":{{{}}})", busy));
  }
  add_channels(events, overview_, device_.dram);
  add_counters(events, overview_);
  models::dram::Statistics before;
  for (const auto& [time, counters] : samples_) {
    const std::uint64_t bursts = counters.bursts() - before.bursts();
    const std::uint64_t hits = counters.row_hits() - before.row_hits();
    if (bursts != 0) {
      events.counter("row hits", memory, time,
                     fmt::format(R"("% of bursts":{:.2f})", share_of(hits, bursts)));
    }
    before = counters;
  }
  const std::string aggregated =
      is_aggregated()
          ? fmt::format("instructions of an engine that begin in one window of {} us are one slice",
                        microseconds(window_))
          : std::string("no");
  return fmt::format(
      "{{\"displayTimeUnit\":\"ns\",\n\"otherData\":{{\"experiment\":{},\"aggregated\":{}}},\n"
      "\"traceEvents\":[\n{}\n]}}\n",
      quoted(name), quoted(aggregated), events.text());
}

}  // namespace spillway::analysis
