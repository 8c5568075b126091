#include "workloads/support/file_formats.hpp"

#include <sstream>
#include <string_view>

namespace spillway::workloads {

namespace {

bool begins(const std::string& content, std::string_view with) { return content.starts_with(with); }

/// A protocol buffer whose first field is a small number, ONNX's ir_version, and whose second one
/// begins as one of its next fields does.
bool is_onnx(const std::string& content, const std::string& file_name) {
  if (file_name.ends_with(".onnx")) return true;
  return content.size() > 3 && content[0] == 0x08 && content[1] > 0 && content[1] < 0x20 &&
         (content[2] == 0x12 || content[2] == 0x3a || content[2] == 0x42);
}

/// Sections in brackets and `key = value` lines, as DRAMsim3's configurations are.
bool is_ini(const std::string& content, const std::string& file_name) {
  std::istringstream lines(content);
  std::string line;
  bool section = false;
  while (std::getline(lines, line)) {
    while (!line.empty() && (line.back() == '\r' || line.back() == ' ')) line.pop_back();
    if (line.empty() || line[0] == ';' || line[0] == '#') continue;
    if (!section && (line.front() != '[' || line.back() != ']')) return false;
    if (section) return line.find('=') != std::string::npos || file_name.ends_with(".ini");
    section = true;
  }
  return section && file_name.ends_with(".ini");
}

}  // namespace

std::string foreign_format(const std::string& content, const std::string& file_name) {
  if (is_onnx(content, file_name)) {
    return "found an ONNX model, which Spillway does not read; allowed: a network as YAML: input, "
           "classes and layers, as in workloads/networks";
  }
  if (is_ini(content, file_name)) {
    return "found an .ini file, as DRAMsim3's configurations are; allowed: the device as YAML, "
           "with its geometry, timing and currents under the names of models/devices/dram";
  }
  if (begins(content, "PK\x03\x04")) {
    return "found a zip archive, as models of PyTorch are; allowed: a YAML file";
  }
  if (begins(content, "\x89HDF")) {
    return "found an HDF5 file, as models of Keras are; allowed: a YAML file";
  }
  if (begins(content, "\x1f\x8b")) return "found a gzip file; allowed: a YAML file";
  if (begins(content, "<?xml") || begins(content, "<svg")) {
    return "found an XML file; allowed: a YAML file";
  }
  return "";
}

}  // namespace spillway::workloads
