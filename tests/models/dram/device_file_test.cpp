// DRAM devices as files: what is read, what is refused and why.
#include <doctest/doctest.h>

#include <fstream>
#include <sstream>
#include <string>

#include "models/dram/device.hpp"
#include "models/dram/energy.hpp"
#include "tests/support/program.hpp"
#include "workloads/support/error.hpp"
#include "workloads/support/shared_files.hpp"

namespace spillway::device_file_test {

using namespace spillway::models::dram;
using spillway::workloads::Config;
using spillway::workloads::InputError;

namespace {

DramDevice changed(const char* name, const std::vector<std::string>& assignments) {
  Config config = Config::from_file(spillway::workloads::shared_folder() / "models/devices/dram" /
                                    (std::string(name) + ".yaml"));
  for (const std::string& assignment : assignments) config.set(assignment);
  return read_dram_device(config);
}

std::string refusal(const char* name, const std::vector<std::string>& assignments) {
  try {
    changed(name, assignments);
  } catch (const InputError& error) {
    return error.what();
  }
  return "accepted";
}

void check_refused(const char* name, const std::string& assignment, const std::string& words) {
  const std::string message = refusal(name, {assignment});
  CAPTURE(assignment);
  CAPTURE(message);
  CHECK(message.find(words) != std::string::npos);
}

}  // namespace

TEST_CASE("six DRAM devices are shipped and each value has a source") {
  CHECK(dram_device_names() == std::vector<std::string>{"ddr4-2400", "ddr4-3200", "gddr6-14000",
                                                        "hbm2-2000", "lpddr4-3200", "lpddr5-6400"});
  for (const std::string& name : dram_device_names()) {
    CAPTURE(name);
    CHECK(dram_device(name).name == name);
    std::ifstream file(spillway::workloads::shared_folder() / "models/devices/dram" /
                       (name + ".yaml"));
    std::stringstream text;
    text << file.rdbuf();
    CHECK(text.str().find("Sources") != std::string::npos);
    CHECK(text.str().find("JESD") != std::string::npos);
  }
}

TEST_CASE("peak bandwidths are those of the names") {
  const auto peak = [](const char* name) { return dram_device(name).peak_bytes_per_ns(); };
  CHECK(peak("ddr4-2400") == doctest::Approx(19.2077));
  CHECK(peak("ddr4-3200") == doctest::Approx(25.6));
  CHECK(peak("lpddr4-3200") == doctest::Approx(12.8));
  CHECK(peak("lpddr5-6400") == doctest::Approx(25.6));
  CHECK(peak("hbm2-2000") == doctest::Approx(32.0));
  CHECK(peak("gddr6-14000") == doctest::Approx(56.1404));
  CHECK(changed("hbm2-2000", {"channels=8"}).peak_bytes_per_ns() == doctest::Approx(256.0));
}

TEST_CASE("times in ns are rounded up to cycles") {
  CHECK(changed("ddr4-2400", {"timing.tCL=14.16 ns"}).timing.read_latency == 17);
  CHECK(changed("ddr4-2400", {"timing.tCL=14.17 ns"}).timing.read_latency == 18);
  CHECK(changed("ddr4-3200", {"timing.tRFC=350 ns"}).timing.refresh == 560);
  CHECK(changed("ddr4-3200", {"timing.tRFC=350.4 ns"}).timing.refresh == 561);
}

TEST_CASE("a device that breaks a rule is refused with the rule") {
  check_refused("ddr4-2400", "timing.tRC=55", "timing.tRC: found \"55\"");
  check_refused("ddr4-2400", "timing.tRC=55", "tRC >= tRAS + tRP");
  check_refused("ddr4-2400", "timing.tRAS=16", "tRAS >= tRCD");
  check_refused("ddr4-2400", "timing.tCCD_S=3", "tCCD_S >= burst");
  check_refused("ddr4-2400", "timing.tCCD_L=3", "tCCD_L >= tCCD_S");
  check_refused("ddr4-2400", "timing.tRRD_L=3", "tRRD_L >= tRRD_S");
  check_refused("ddr4-2400", "timing.tWTR_L=2", "tWTR_L >= tWTR_S");
  check_refused("ddr4-2400", "timing.tFAW=5", "tFAW >= tRRD_L");
  check_refused("ddr4-2400", "timing.tRTW=8", "tRTW >= tCL + burst - tCWL");
  check_refused("ddr4-2400", "timing.tREFI=470", "tREFI > tRFC + tRC");
  check_refused("lpddr5-6400", "timing.tRPab=14", "tRPab >= tRP");
  check_refused("lpddr5-6400", "timing.burst_same=1", "burst_same >= burst");
  check_refused("lpddr5-6400", "timing.tAAD=16", "tAAD <= tRCD");
  check_refused("lpddr5-6400", "timing.split_command_bus=true", "without split_command_bus");
  check_refused("lpddr5-6400", "timing.activate_cycles=2", "with activate_cycles 1");
  check_refused("hbm2-2000", "timing.tWCKPST=1", "tWCKPST only without split_command_bus");
  check_refused("lpddr4-3200", "timing.tRFCpb=449", "tRFCpb <= tRFC");
  check_refused("lpddr4-3200", "timing.tREFIpb=224", "tREFIpb > tRFCpb");
  check_refused("lpddr4-3200", "timing.tREFIpb=6247", "tREFIpb <= tREFI");
  check_refused("lpddr4-3200", "timing.tRREFD=225", "tRREFD <= tRFCpb");
  check_refused("ddr4-2400", "controller.write_high=32", "write_high < write_queue");
  check_refused("ddr4-2400", "controller.write_low=26", "write_low <= write_high");
  check_refused("ddr4-2400", "controller.refresh=per-bank", "tRFCpb");
  check_refused("ddr4-2400", "currents.idd3n=33", "idd3n >= idd2n");
  check_refused("ddr4-2400", "currents.idd0=40", "idd0 * tRC");
  check_refused("ddr4-2400", "currents.idd4r=40", "idd4r >= idd3n");
}

TEST_CASE("values that no device can have are refused with their place") {
  check_refused("ddr4-2400", "timing.tCXL=3", "did you mean");
  check_refused("ddr4-2400", "timing.tCL=0", "1 to 1048576 cycles");
  check_refused("ddr4-2400", "timing.tCL=14 us", "14.16 ns");
  check_refused("ddr4-2400", "clock=0.833", "0.833 ns");
  check_refused("ddr4-2400", "geometry.bank_groups=3", "a power of two");
  check_refused("ddr4-2400", "geometry.row=6000", "a power of two");
  check_refused("ddr4-2400", "geometry.row=32", "a whole number of bursts");
  check_refused("ddr4-2400", "mapping=RoBaCo", "each of Ro, Ba, Bg and Co once");
  check_refused("ddr4-2400", "mapping=RoBaCoCo", "RoBaCoBg");
  check_refused("ddr4-2400", "channels=3", "a power of two");
  check_refused("ddr4-2400", "interleave=32", "a whole number of bursts");
  check_refused("ddr4-2400", "grain=16 KiB", "8192 bytes");
  check_refused("ddr4-2400", "controller.page=half", "open, closed");
  CHECK(refusal("lpddr4-3200", {"mapping=RoBaCo"}) == "accepted");
  CHECK_THROWS_AS(dram_device("ddr4-2401"), InputError);
}

TEST_CASE("a file states its controller and may be laid over one with another") {
  for (const std::string& name : dram_device_names()) {
    CAPTURE(name);
    // LPDDR4 has the controller of the simulator that has LPDDR4, all others that of Ramulator 2.
    const DramDevice device = dram_device(name);
    const Scheduler scheduler =
        name == "lpddr4-3200" ? Scheduler::bank_queues : Scheduler::row_hits_first;
    CHECK(device.controller.scheduler == scheduler);
    CHECK(describe(with_controller(device, scheduler)) == describe(device));
    const DramDevice other = with_controller(device, Scheduler::bank_queues);
    CHECK(describe(other) != describe(with_controller(device, Scheduler::row_hits_first)));
  }
  const std::vector<std::string> bank_queues{"controller.scheduler=bank-queues",
                                             "controller.bank_queue=8", "controller.row_hits=4",
                                             "controller.write_high=31", "controller.write_low=8"};
  CHECK(describe(changed("ddr4-2400", bank_queues)) ==
        describe(with_controller(dram_device("ddr4-2400"), Scheduler::bank_queues)));
  CHECK(describe(changed("ddr4-2400", {"controller=bank-queues"})) ==
        describe(with_controller(dram_device("ddr4-2400"), Scheduler::bank_queues)));
  CHECK(describe(changed("lpddr4-3200", {"controller=row-hits-first", "controller.page=closed"})) ==
        describe(changed("lpddr4-3200", {"controller={base: row-hits-first, page: closed}"})));
  check_refused("ddr4-2400", "controller={base: bank-queues, write_queue: 16}",
                "write_high < write_queue");
  check_refused("ddr4-2400", "controller={base: bank-queue}", "did you mean");
  check_refused("ddr4-2400", "controller=bank-queue", "(did you mean \"bank-queues\"");
  check_refused("ddr4-2400", "controller.scheduler=bank-queue",
                "row-hits-first, bank-queues (did you mean \"bank-queues\"");
  check_refused("ddr4-2400", "controller.scheduler=bank-queues", "bank_queue");
  check_refused("lpddr4-3200", "controller.scheduler=row-hits-first", "window");
  check_refused("lpddr4-3200", "controller.bank_queue=33", "1 to 32");
  check_refused("lpddr4-3200", "controller.row_hits=0", "1 to");
  CHECK_THROWS_AS(parse_scheduler("bank_queues"), InputError);
}

TEST_CASE("a device's file may be laid over another one") {
  const spillway::test::TemporaryFolder folder;
  folder.write("two.yaml", "base: ddr4-2400\nname: two\nchannels: 2\ntiming: {tCL: 18}\n");
  folder.write("four.yaml", "base: two.yaml\nchannels: 4\ncontroller: {page: closed}\n");
  folder.write("loop.yaml", "base: loop.yaml\n");
  folder.write("wrong.yaml", "base: ddr4-2401\n");
  const auto device = [&](const char* name) {
    return dram_device((folder.path() / name).string());
  };
  CHECK(describe(device("two.yaml")) ==
        describe(changed("ddr4-2400", {"channels=2", "timing.tCL=18"})));
  CHECK(device("two.yaml").name == "two");
  CHECK(device("four.yaml").name == "two");
  CHECK(describe(device("four.yaml")) ==
        describe(changed("ddr4-2400", {"channels=4", "timing.tCL=18", "controller.page=closed"})));
  CHECK_THROWS_AS(device("loop.yaml"), InputError);
  CHECK_THROWS_AS(device("wrong.yaml"), InputError);
}

TEST_CASE("energy per event follows from the currents") {
  // V * mA * cycles * ns * chips of DDR4-2400, by hand.
  const EnergyPerEvent energy = *energy_per_event(dram_device("ddr4-2400"));
  const double scale = 1.2 * 8 * 0.833;
  CHECK(energy.activate == doctest::Approx(scale * (48 * 56 - 43 * 39 - 34 * 17)));
  CHECK(energy.read == doctest::Approx(scale * (135 - 43) * 4));
  CHECK(energy.write == doctest::Approx(scale * (123 - 43) * 4));
  CHECK(energy.refresh == doctest::Approx(scale * (250 - 43) * 420));
  CHECK(energy.background_open == doctest::Approx(scale * 43));
  CHECK(energy.background_closed == doctest::Approx(scale * 34));
  CHECK_FALSE(energy_per_event(dram_device("lpddr5-6400")));
}

TEST_CASE("energy adds up over what a channel did") {
  const DramDevice device = dram_device("ddr4-2400");
  Statistics statistics;
  statistics.reads = 10;
  statistics.writes = 5;
  statistics.activates = 3;
  statistics.refreshes = 2;
  statistics.finish = 1000;
  statistics.all_closed = 400;
  const EnergyPerEvent each = *energy_per_event(device);
  const Energy energy = *energy_of(device, statistics);
  CHECK(energy.activate == doctest::Approx(3 * each.activate));
  CHECK(energy.read == doctest::Approx(10 * each.read));
  CHECK(energy.write == doctest::Approx(5 * each.write));
  CHECK(energy.refresh == doctest::Approx(2 * each.refresh));
  CHECK(energy.background ==
        doctest::Approx(600 * each.background_open + 400 * each.background_closed));
  CHECK(energy.total() == doctest::Approx(energy.activate + energy.read + energy.write +
                                          energy.refresh + energy.background));
  CHECK(io_energy(device, statistics) == doctest::Approx(15 * 512 * 3.66));
}

}  // namespace spillway::device_file_test
