#include "models/waveform.hpp"

namespace spillway::models {

namespace {

/// Where the file grows; SystemC adds the ending itself.
std::filesystem::path stem_of(const std::filesystem::path& path) {
  return path.parent_path() / ("." + path.filename().string());
}
std::filesystem::path growing(const std::filesystem::path& path) {
  return stem_of(path).string() + ".vcd";
}

}  // namespace

Waveform::Waveform(const std::filesystem::path& path)
    : target_(path, growing(path)),
      file_(sc_core::sc_create_vcd_trace_file(stem_of(path).c_str())) {
  file_->set_time_unit(1, sc_core::SC_PS);
}

Waveform::~Waveform() {
  if (file_ != nullptr) sc_core::sc_close_vcd_trace_file(file_);
}

void Waveform::add(const unsigned& signal, const std::string& name, int bits) {
  sc_core::sc_trace(file_, signal, name, bits);
}

void Waveform::add(const sc_dt::uint64& signal, const std::string& name, int bits) {
  sc_core::sc_trace(file_, signal, name, bits);
}

void Waveform::finish() {
  if (file_ == nullptr) return;
  sc_core::sc_close_vcd_trace_file(file_);
  file_ = nullptr;
  target_.finish();
}

}  // namespace spillway::models
