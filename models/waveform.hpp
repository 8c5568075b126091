// The main signals of the device's modules as a file for viewers of waveforms (VCD, IEEE 1364).
#pragma once

#include <filesystem>
#include <string>
#include <systemc>

#include "workloads/support/whole_file.hpp"

namespace spillway::models {

/// SystemC writes it while the simulation runs; it appears under its name when it is finished. In
/// the context of the simulation, before that begins.
class Waveform {
 public:
  /// Throws InputError when it cannot be written.
  explicit Waveform(const std::filesystem::path& path);
  ~Waveform();
  Waveform(const Waveform&) = delete;
  Waveform& operator=(const Waveform&) = delete;

  /// A signal of so many bits that outlives this object.
  void add(const unsigned& signal, const std::string& name, int bits);
  void add(const sc_dt::uint64& signal, const std::string& name, int bits);
  void finish();

 private:
  workloads::UnfinishedFile target_;
  sc_core::sc_trace_file* file_ = nullptr;
};

}  // namespace spillway::models
