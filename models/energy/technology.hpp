// What a silicon technology asks for an operation, an access, an area: constants from a file of
// models/technologies, each with where it is from. Nothing here is built in.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "workloads/support/config.hpp"
#include "workloads/support/names.hpp"
#include "workloads/support/units.hpp"

namespace spillway::models {

using workloads::Bytes;

/// How far a constant can be trusted.
enum class Evidence {
  opened,       ///< read in the source itself
  second_hand,  ///< read in a text that names the source
  recalled,     ///< from memory of the source, not confirmed
  derived,      ///< arithmetic on figures of the source, told in the note
  computed,     ///< output of a program, which is the source
};
inline constexpr workloads::Names<Evidence, 5> evidence_names{{
    {Evidence::opened, "opened"},
    {Evidence::second_hand, "second-hand"},
    {Evidence::recalled, "recalled"},
    {Evidence::derived, "derived"},
    {Evidence::computed, "computed"},
}};

struct Provenance {
  Evidence status = Evidence::derived;
  std::string source, note;  ///< the note may be empty
};

/// One number of a file.
struct Constant {
  std::string key;  ///< its path in the file: "mac.fp32.energy"
  double value = 0;
  std::string unit;
  Provenance provenance;
};

enum class NumberFormat { fp32, bf16, fp16, int16, int8 };
inline constexpr workloads::Names<NumberFormat, 5> number_format_names{{
    {NumberFormat::fp32, "fp32"},
    {NumberFormat::bf16, "bf16"},
    {NumberFormat::fp16, "fp16"},
    {NumberFormat::int16, "int16"},
    {NumberFormat::int8, "int8"},
}};

/// Of a unit that does one operation at a time.
struct UnitCost {
  Constant energy;   ///< pJ of an operation; of the PRNG unit pJ of a bit
  Constant area;     ///< um2 of a unit
  Constant leakage;  ///< mW of a unit
};

enum class LawForm {
  /// log2 E = a + b x + c x^2 + d y + e y^2 + f x y with x = log2(capacity / 1 KiB) and
  /// y = log2(width / 64 bits); coefficients a to f.
  log2_polynomial,
  /// E = (k0 + k1 (capacity / 1 KiB)^p) width / 64 bits; coefficients k0, k1, p.
  power,
};
inline constexpr workloads::Names<LawForm, 2> law_form_names{{
    {LawForm::log2_polynomial, "log2-polynomial"},
    {LawForm::power, "power"},
}};

/// Energy of one access to a memory with one port, by its capacity and the width of the access.
struct AccessLaw {
  std::string key;
  LawForm form = LawForm::power;
  std::vector<double> coefficients;
  double scale = 1;  ///< the law's energy is multiplied by it
  Provenance provenance;

  /// In pJ of the whole width. Both are taken as they are, in the fitted range or not.
  double energy(Bytes capacity, double width_bits) const;
};

/// Laws of reading and writing, and for what memories they were fitted.
struct AccessLaws {
  AccessLaw read, write;
  Bytes smallest, largest;           ///< capacity
  double narrowest = 0, widest = 0;  ///< width in bits
};

struct Technology {
  std::string name, description;
  std::map<NumberFormat, UnitCost> mac;  ///< multiply and add to the sum; always has fp32
  UnitCost vector_lane;  ///< of the vector unit, an fp32 multiply and add an element
  UnitCost prng;         ///< one shift register with its gates; energy of a bit
  std::string law;       ///< which of the file's laws the buffer follows
  AccessLaws buffer;
  Constant buffer_area;     ///< mm2 of a KiB
  Constant buffer_leakage;  ///< mW of a MiB
};

/// What the key `technology` of a device stands for, looked up as shipped files are; nothing when
/// there is none, or `none`. Throws InputError.
std::optional<workloads::Config> technology_of(const workloads::Config& device);

/// Read a technology from YAML. Throws InputError with file:line and key path.
Technology read_technology(const workloads::Config& config);

}  // namespace spillway::models
