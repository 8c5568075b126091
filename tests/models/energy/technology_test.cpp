// Technology files: what is read, what is refused and why, and how an access is paid for.
#include "models/energy/technology.hpp"

#include <doctest/doctest.h>

#include <cmath>

#include "models/device_config.hpp"
#include "models/energy/energy_model.hpp"
#include "tests/support/build.hpp"
#include "workloads/support/error.hpp"
#include "workloads/support/shared_files.hpp"

namespace spillway::technology_test {

using models::AccessLaw;
using models::BufferEnergy;
using models::LawForm;
using models::NumberFormat;
using models::Technology;
using workloads::Bytes;
using workloads::Config;

namespace {

Config file_of(const std::string& name) {
  return Config::from_file(workloads::shared_folder() / "models/technologies" / (name + ".yaml"));
}

Technology shipped_technology(const std::string& name) {
  return models::read_technology(file_of(name));
}

std::string refusal(const std::string& assignment) {
  try {
    Config config = file_of("45nm");
    config.set({assignment, "test.yaml: "});
    models::read_technology(config);
  } catch (const workloads::InputError& error) {
    return error.what();
  }
  return "accepted";
}

void check_refused(const std::string& assignment, const std::string& words) {
  const std::string message = refusal(assignment);
  CAPTURE(assignment);
  CAPTURE(message);
  CHECK(message.find(words) != std::string::npos);
}

const std::vector<models::Constant> constants_of(const models::UnitCost& cost) {
  return {cost.energy, cost.area, cost.leakage};
}

}  // namespace

TEST_CASE("shipped technologies have every format, and a source for every constant") {
  const auto names = workloads::shared_names("models/technologies");
  CHECK(names == std::vector<std::string>{"16nm", "45nm", "7nm"});
  for (const std::string& name : names) {
    CAPTURE(name);
    const Technology technology = shipped_technology(name);
    CHECK(technology.name == name);
    CHECK(technology.mac.size() == models::number_format_names.size());
    std::vector<models::Constant> constants{technology.buffer_area, technology.buffer_leakage};
    const auto add = [&](const models::UnitCost& cost) {
      for (const models::Constant& constant : constants_of(cost)) constants.push_back(constant);
    };
    for (const auto& [format, cost] : technology.mac) add(cost);
    add(technology.vector_lane);
    add(technology.prng);
    for (const models::Constant& constant : constants) {
      CAPTURE(constant.key);
      CHECK(constant.value > 0);
      CHECK(constant.provenance.source.size() > 10);
    }
    for (const AccessLaw* law : {&technology.buffer.read, &technology.buffer.write}) {
      CHECK(law->provenance.source.size() > 10);
    }
  }
}

TEST_CASE(
    "a MAC takes less energy and area with every technology, and with every narrower format") {
  const Technology big = shipped_technology("45nm"), middle = shipped_technology("16nm"),
                   small = shipped_technology("7nm");
  for (const auto& [format, cost] : big.mac) {
    CAPTURE(name_in(models::number_format_names, format));
    CHECK(cost.energy.value > middle.mac.at(format).energy.value);
    CHECK(middle.mac.at(format).energy.value > small.mac.at(format).energy.value);
    CHECK(cost.area.value > middle.mac.at(format).area.value);
    CHECK(middle.mac.at(format).area.value > small.mac.at(format).area.value);
  }
  for (const Technology& technology : {big, middle, small}) {
    const auto energy = [&](NumberFormat format) { return technology.mac.at(format).energy.value; };
    CHECK(energy(NumberFormat::fp32) > energy(NumberFormat::fp16));
    CHECK(energy(NumberFormat::fp16) > energy(NumberFormat::bf16));
    CHECK(energy(NumberFormat::bf16) > energy(NumberFormat::int8));
  }
}

TEST_CASE("an access costs what its law says") {
  const AccessLaw polynomial{"k", LawForm::log2_polynomial, {1, 2, 0.5, 3, -1, 0.25}, 2, {}};
  CHECK(polynomial.energy(Bytes(1024), 64) == doctest::Approx(4));
  // x = 2, y = 1: 1 + 4 + 2 + 3 - 1 + 0.5 = 9.5.
  CHECK(polynomial.energy(Bytes(4096), 128) == doctest::Approx(2 * std::exp2(9.5)));
  const AccessLaw power{"k", LawForm::power, {3, 2, 0.5}, 1, {}};
  CHECK(power.energy(Bytes(16 * 1024), 128) == doctest::Approx((3 + 2 * 4) * 2));
  // 64 bits of a bank at 45 nm, as the fit was printed: 6.3, 14.6 and 97.7 pJ.
  const AccessLaw read = shipped_technology("45nm").buffer.read;
  CHECK(read.energy(Bytes(8 << 10), 64) == doctest::Approx(6.3).epsilon(0.01));
  CHECK(read.energy(Bytes(32 << 10), 64) == doctest::Approx(14.6).epsilon(0.01));
  CHECK(read.energy(Bytes(1 << 20), 64) == doctest::Approx(97.7).epsilon(0.01));
  // The caches of 7 nm were published as 7.5, 8.5 and 14 pJ.
  Config caches = file_of("7nm");
  caches.set("buffer.law=caches");
  const AccessLaw published = models::read_technology(caches).buffer.read;
  CHECK(published.energy(Bytes(8 << 10), 64) == doctest::Approx(7.5).epsilon(0.001));
  CHECK(published.energy(Bytes(32 << 10), 64) == doctest::Approx(8.5).epsilon(0.001));
  CHECK(published.energy(Bytes(1 << 20), 64) == doctest::Approx(14).epsilon(0.001));
}

TEST_CASE("a larger buffer costs more for each byte, under every law, width and size") {
  for (const std::string& name : workloads::shared_names("models/technologies")) {
    Config config = file_of(name);
    for (const std::string& law : config.at("buffer").at("laws").keys()) {
      config.set("buffer.law=" + law);
      const Technology technology = models::read_technology(config);
      for (const std::uint64_t port : {4, 8, 32, 48, 256, 1024}) {
        CAPTURE(name);
        CAPTURE(law);
        CAPTURE(port);
        const std::uint64_t banks = BufferEnergy(technology.buffer, Bytes(1), Bytes(port)).banks();
        double read = 0, write = 0;
        const Bytes smallest = technology.buffer.smallest * banks;
        for (Bytes size = smallest; size <= Bytes(std::uint64_t{1} << 40); size *= 2) {
          const BufferEnergy buffer(technology.buffer, size, Bytes(port));
          CHECK(buffer.read_pj_per_byte() > read);
          CHECK(buffer.write_pj_per_byte() > write);
          CHECK(buffer.extrapolated() == (buffer.bank_capacity() > technology.buffer.largest));
          read = buffer.read_pj_per_byte();
          write = buffer.write_pj_per_byte();
        }
      }
    }
  }
}

TEST_CASE("a wide port is banks side by side, and a small bank costs as the smallest fitted") {
  const models::AccessLaws laws = shipped_technology("45nm").buffer;
  const BufferEnergy wide(laws, Bytes(1 << 20), Bytes(256));
  CHECK(wide.banks() == 8);
  CHECK(wide.bank_capacity() == Bytes(128 << 10));
  CHECK(wide.bank_width() == 256);
  CHECK(wide.read_pj_per_byte() == doctest::Approx(laws.read.energy(Bytes(128 << 10), 256) / 32));
  const BufferEnergy small(laws, Bytes(64), Bytes(8)), smallest(laws, laws.smallest, Bytes(8));
  CHECK(small.read_pj_per_byte() == smallest.read_pj_per_byte());
  CHECK(small.write_pj_per_byte() == smallest.write_pj_per_byte());
  const BufferEnergy narrow(laws, Bytes(1 << 20), Bytes(1));
  CHECK(narrow.bank_width() == laws.narrowest);
}

TEST_CASE(
    "a technology that is wrong is refused with its place, what was found and what is allowed") {
  check_refused("mac.fp32.energy.value=-1",
                "mac.fp32.energy.value: found \"-1\"; allowed: a number");
  check_refused("mac.fp32.energy.unit=nJ", "found \"nJ\"; allowed: pJ/MAC");
  check_refused("mac.fp32.energy.source=horowits", "(did you mean \"horowitz\"?)");
  check_refused("mac.fp32.energy.status=guessed",
                "allowed: opened, second-hand, recalled, derived, computed");
  check_refused("mac.fp32.energy.valeu=1", "unknown key \"valeu\"");
  check_refused("mac.fp64.energy.value=1", "unknown key \"fp64\"");
  check_refused("mac={int8: {}}", "fp32");
  check_refused("sources={}", "a map from short names to sources");
  check_refused("prng={}", "energy");
  check_refused("buffer.law=cact", "(did you mean \"cacti\"?)");
  check_refused("buffer.laws.cacti.read.coefficients=[1, 2, 3]", "a list of 6 numbers");
  check_refused("buffer.laws.cacti.read.form=power", "a list of 3 numbers");
  check_refused("buffer.laws.cacti.capacities=[2 KiB, 1 KiB]", "the smaller one first");
  check_refused("buffer.laws.cacti.widths=[64]", "the narrower one first");
  check_refused("vector.area.unit=mm2", "vector.area.unit: found \"mm2\"; allowed: um2");
  CHECK(refusal("description=other") == "accepted");
  try {
    models::read_technology(
        Config::from_text("name: x\nsources: {a: someone}\nmac: 3\n", "x.yaml"));
    FAIL("accepted");
  } catch (const workloads::InputError& error) {
    CHECK(std::string(error.what()).starts_with("x.yaml:3: mac: "));
  }
}

TEST_CASE("a device names its technology, lays values over it or has none") {
  const auto device = [](const std::vector<workloads::Assignment>& assignments) {
    return test::shipped("mnist-mlp-lel", assignments).device;
  };
  CHECK_FALSE(device({}).technology);
  CHECK_FALSE(device({"device.technology=45nm", "device.technology=none"}).technology);
  CHECK(device({"device.technology=16nm"}).technology->name == "16nm");
  const auto changed = device({"device.technology=7nm", "device.technology.buffer.law=caches",
                               "device.technology.mac.fp32.energy.value=2"});
  CHECK(changed.technology->law == "caches");
  CHECK(changed.technology->mac.at(NumberFormat::fp32).energy.value == 2);
  CHECK_THROWS_WITH_AS(device({"device.technology=edge"}), doctest::Contains("is a device"),
                       workloads::InputError);
  CHECK_THROWS_WITH_AS(device({"device.technology=8nm"}), doctest::Contains("16nm, 45nm, 7nm"),
                       workloads::InputError);
}

}  // namespace spillway::technology_test
