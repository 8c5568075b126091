#include "models/energy/technology.hpp"

#include <fmt/format.h>

#include <cmath>

#include "workloads/support/file_kinds.hpp"
#include "workloads/support/shared_files.hpp"

namespace spillway::models {

namespace {

using workloads::Config;

constexpr double largest_constant = 1e6;

/// Reads constants of one file, whose sources have names of their own.
class ConstantReader {
 public:
  explicit ConstantReader(const Config& sources) : sources_(sources) {
    if (!sources.is_map() || sources.keys().empty()) {
      sources.refuse("a map from short names to sources");
    }
    for (const Config& source : sources.items()) {
      if (source.text().empty()) source.refuse("a source: who published it, where and when");
    }
  }

  Provenance provenance(const Config& config) const {
    Provenance result;
    result.status = config.at("status").choice(evidence_names);
    const std::size_t source = config.at("source").choice(sources_.keys());
    result.source = sources_.items()[source].text();
    if (const Config* note = config.find("note")) result.note = note->text();
    return result;
  }

  Constant constant(const Config& config, const std::string& unit, const std::string& key) const {
    config.allow_only({"value", "unit", "status", "source", "note"});
    Constant result;
    result.key = key;
    result.value = config.at("value").number(0, largest_constant);
    config.at("unit").choice(std::vector<std::string>{unit});
    result.unit = unit;
    result.provenance = provenance(config);
    return result;
  }

  UnitCost unit_cost(const Config& config, const std::string& energy_unit,
                     const std::string& key) const {
    config.allow_only({"energy", "area", "leakage"});
    return {constant(config.at("energy"), energy_unit, key + ".energy"),
            constant(config.at("area"), "um2", key + ".area"),
            constant(config.at("leakage"), "mW", key + ".leakage")};
  }

  AccessLaw law(const Config& config, const std::string& key) const {
    config.allow_only({"form", "coefficients", "scale", "unit", "status", "source", "note"});
    AccessLaw result;
    result.key = key;
    result.form = config.at("form").choice(law_form_names);
    const Config& coefficients = config.at("coefficients");
    const std::size_t wanted = result.form == LawForm::power ? 3 : 6;
    if (!coefficients.is_list() || coefficients.items().size() != wanted) {
      coefficients.refuse(fmt::format("a list of {} numbers for this form", wanted));
    }
    for (const Config& coefficient : coefficients.items()) {
      result.coefficients.push_back(coefficient.number(-largest_constant, largest_constant));
    }
    if (const Config* scale = config.find("scale")) result.scale = scale->number(1e-6, 1e6);
    config.at("unit").choice(std::vector<std::string>{"pJ/access"});
    result.provenance = provenance(config);
    return result;
  }

  AccessLaws laws(const Config& config, const std::string& key) const {
    config.allow_only({"capacities", "widths", "read", "write"});
    AccessLaws result;
    const Config& capacities = range(config.at("capacities"), "two sizes, the smaller one first");
    result.smallest = capacities.items()[0].size();
    result.largest = capacities.items()[1].size();
    if (result.largest < result.smallest) capacities.refuse("two sizes, the smaller one first");
    const char* const two_widths = "two widths in bits, the narrower one first";
    const Config& widths = range(config.at("widths"), two_widths);
    result.narrowest = widths.items()[0].number(1, 1 << 20);
    result.widest = widths.items()[1].number(1, 1 << 20);
    if (result.widest < result.narrowest) widths.refuse(two_widths);
    result.read = law(config.at("read"), key + ".read");
    result.write = law(config.at("write"), key + ".write");
    return result;
  }

 private:
  static const Config& range(const Config& config, const std::string& allowed) {
    if (!config.is_list() || config.items().size() != 2) config.refuse(allowed);
    return config;
  }

  const Config& sources_;
};

}  // namespace

double AccessLaw::energy(Bytes capacity, double width_bits) const {
  const double kib = static_cast<double>(capacity.count()) / 1024;
  const std::vector<double>& k = coefficients;
  if (form == LawForm::power) {
    return scale * (k.at(0) + k.at(1) * std::pow(kib, k.at(2))) * width_bits / 64;
  }
  const double x = std::log2(kib), y = std::log2(width_bits / 64);
  return scale * std::exp2(k.at(0) + k.at(1) * x + k.at(2) * x * x + k.at(3) * y + k.at(4) * y * y +
                           k.at(5) * x * y);
}

std::optional<Config> technology_of(const Config& device) {
  const Config* value = device.find("technology");
  if (value == nullptr || (value->is_scalar() && value->text() == "none")) return std::nullopt;
  return workloads::resolve_shared(*value, "models/technologies");
}

Technology read_technology(const Config& config) {
  workloads::require_kind(config, workloads::FileKind::technology);
  config.allow_only({"name", "description", "sources", "mac", "vector", "prng", "buffer"});
  const ConstantReader read(config.at("sources"));
  Technology technology;
  technology.name = config.at("name").text();
  if (const Config* text = config.find("description")) technology.description = text->text();

  const Config& mac = config.at("mac");
  mac.allow_only(names_in(number_format_names));
  mac.at("fp32");
  for (const auto& [format, name] : number_format_names) {
    const std::string key(name);
    if (const Config* of_format = mac.find(key)) {
      technology.mac[format] = read.unit_cost(*of_format, "pJ/MAC", "mac." + key);
    }
  }
  technology.vector_lane = read.unit_cost(config.at("vector"), "pJ/element", "vector");
  technology.prng = read.unit_cost(config.at("prng"), "pJ/bit", "prng");

  const Config& buffer = config.at("buffer");
  buffer.allow_only({"law", "laws", "area", "leakage"});
  const Config& laws = buffer.at("laws");
  if (!laws.is_map() || laws.keys().empty()) laws.refuse("a map from names to laws");
  const std::size_t chosen = buffer.at("law").choice(laws.keys());
  for (std::size_t i = 0; i < laws.keys().size(); ++i) {
    const AccessLaws of_name = read.laws(laws.items()[i], "buffer.laws." + laws.keys()[i]);
    if (i == chosen) technology.buffer = of_name;
  }
  technology.law = laws.keys()[chosen];
  technology.buffer_area = read.constant(buffer.at("area"), "mm2/KiB", "buffer.area");
  technology.buffer_leakage = read.constant(buffer.at("leakage"), "mW/MiB", "buffer.leakage");
  return technology;
}

}  // namespace spillway::models
