// A DRAM device and its controller as their YAML file states them, checked. Times are whole cycles
// of the command clock. The names in brackets are those of the JEDEC standards.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "workloads/support/config.hpp"
#include "workloads/support/names.hpp"

namespace spillway::models::dram {

/// Of one channel: all that answers to one command bus.
struct Geometry {
  std::uint32_t ranks = 1;            ///< sets of chips that share the buses; a power of two
  std::uint32_t bank_groups = 1;      ///< of a rank; a power of two
  std::uint32_t banks_per_group = 1;  ///< a power of two
  std::uint32_t bursts_per_row = 1;   ///< a power of two
  std::uint64_t rows_per_bank = 1;    ///< a power of two
  std::uint32_t burst_bytes = 64;     ///< of one column command; a power of two
  std::uint32_t devices = 1;          ///< chips of a rank, in lockstep, for the energy

  std::uint32_t groups() const { return ranks * bank_groups; }  ///< of all ranks
  std::uint32_t banks_per_rank() const { return bank_groups * banks_per_group; }
  std::uint32_t banks() const { return ranks * banks_per_rank(); }
  std::uint64_t row_bytes() const { return std::uint64_t{bursts_per_row} * burst_bytes; }
  std::uint64_t bytes() const { return row_bytes() * rows_per_bank * banks(); }
};

/// In cycles of the command clock, between commands unless stated otherwise.
struct Timing {
  std::uint64_t clock_period_fs = 0;    ///< tCK, in femtoseconds
  std::uint32_t burst = 0;              ///< data bus time of a burst
  std::uint32_t burst_same = 0;         ///< counted before tWTR_L (BL/n_max); else as `burst`
  std::uint32_t read_latency = 0;       ///< RD to first data (tCL)
  std::uint32_t write_latency = 0;      ///< WR to first data (tCWL)
  std::uint32_t activate_to_read = 0;   ///< (tRCD, tRCDRD)
  std::uint32_t activate_to_write = 0;  ///< (tRCD, tRCDWR)
  std::uint32_t precharge = 0;          ///< PRE to ACT of the bank (tRP)
  std::uint32_t precharge_all = 0;      ///< PREab to ACT (tRPab)
  std::uint32_t row_active = 0;         ///< ACT to PRE (tRAS)
  std::uint32_t row_cycle = 0;          ///< ACT to ACT of the bank (tRC)
  std::uint32_t write_recovery = 0;     ///< last written data to PRE (tWR)
  std::uint32_t read_to_precharge = 0;  ///< (tRTP)
  std::uint32_t column_other = 0, column_same = 0;                ///< (tCCD_S, tCCD_L)
  std::uint32_t activate_other = 0, activate_same = 0;            ///< (tRRD_S, tRRD_L)
  std::uint32_t write_to_read_other = 0, write_to_read_same = 0;  ///< after the data (tWTR_S, _L)
  std::uint32_t read_to_write = 0;                                ///< RD to WR (tRTW)
  std::uint32_t rank_to_rank = 0;           ///< data bus from one rank's to another's data (tRTRS)
  std::uint32_t four_activates = 0;         ///< no fifth ACT within (tFAW)
  std::uint32_t precharge_interval = 1;     ///< PRE to PRE (tPPD)
  std::uint32_t refresh = 0;                ///< REFab to the next ACT (tRFC, tRFCab)
  std::uint32_t refresh_interval = 0;       ///< between REFab (tREFI)
  std::uint32_t refresh_bank = 0;           ///< REFpb to ACT of the bank (tRFCpb); 0: there is none
  std::uint32_t refresh_bank_interval = 0;  ///< between REFpb (tREFIpb)
  std::uint32_t refresh_bank_to_activate = 0;  ///< REFpb to ACT of another bank (tRREFD, tpbR2act)
  /// Command cycles of an ACT. 2: the times of an ACT count from the second.
  std::uint32_t activate_cycles = 1;
  /// An ACT is two commands, ACT-1 and ACT-2, at most so far apart (tAAD); times count from ACT-1,
  /// and no other ACT-1 comes between. 0: one command.
  std::uint32_t activate_second = 0;
  /// The data clock stops so long after the data (tWCKPST); the next column command is then
  /// preceded by a CAS that starts it. 0: it never stops.
  std::uint32_t data_clock_postamble = 0;
  /// Row and column commands have a bus each (HBM).
  bool split_command_bus = false;

  double clock_period_ns() const { return static_cast<double>(clock_period_fs) * 1e-6; }
  std::uint32_t write_to_precharge() const { return write_latency + burst + write_recovery; }
  std::uint32_t write_to_read(bool same_group) const {
    return same_group ? write_latency + burst_same + write_to_read_same
                      : write_latency + burst + write_to_read_other;
  }
  /// Between column commands to different ranks, which share nothing but the data bus: it rests for
  /// tRTRS between their data, unless the controller drives both. Below 1: no limit.
  std::int64_t other_rank(bool from_write, bool to_write) const {
    const auto latency = [&](bool is_write) {
      return std::int64_t{is_write ? write_latency : read_latency};
    };
    const bool same_driver = from_write && to_write;
    return latency(from_write) + burst + (same_driver ? 0 : rank_to_rank) - latency(to_write);
  }
};

/// Of one chip, in mA; one supply, or the sum over the rails weighed by their voltages.
struct Currents {
  double vdd = 0;  ///< V
  double idd0 = 0, idd2n = 0, idd3n = 0, idd4r = 0, idd4w = 0, idd5ab = 0;
  std::optional<double> idd5pb;  ///< per-bank refresh
};

enum class PagePolicy { open, closed };
inline constexpr workloads::Names<PagePolicy, 2> page_policy_names{{
    {PagePolicy::open, "open"},
    {PagePolicy::closed, "closed"},
}};

enum class RefreshMode { none, all_bank, per_bank };
inline constexpr workloads::Names<RefreshMode, 3> refresh_mode_names{{
    {RefreshMode::none, "none"},
    {RefreshMode::all_bank, "all-bank"},
    {RefreshMode::per_bank, "per-bank"},
}};

/// When the refreshes of several ranks are due: of all of them at once, every tREFI, or in turn,
/// one every tREFI / ranks. They are carried out one after the other.
enum class RankRefresh { together, in_turn };
inline constexpr workloads::Names<RankRefresh, 2> rank_refresh_names{{
    {RankRefresh::together, "together"},
    {RankRefresh::in_turn, "in-turn"},
}};

/// The digits of a burst's number, from the lowest; a mapping such as RoBaCoBg spells them from the
/// highest.
enum class Digit { bank_group, bank, column, row, rank };
inline constexpr workloads::Names<Digit, 5> digit_names{{
    {Digit::bank_group, "Bg"},
    {Digit::bank, "Ba"},
    {Digit::column, "Co"},
    {Digit::row, "Ro"},
    {Digit::rank, "Ra"},
}};
using Mapping = std::array<Digit, 5>;

/// How a controller chooses the next command.
///  * `row_hits_first` (Ramulator 2's FRFCFS with row hits): one direction at a time. Of the bursts
///    that can go on it is the oldest, and no row is closed that an older one waits for.
///  * `bank_queues` (DRAMsim3's): requests go on from the two queues to one of their bank, and the
///    banks take turns, reads and writes alike.
enum class Scheduler { row_hits_first, bank_queues };

struct Controller {
  Scheduler scheduler = Scheduler::row_hits_first;
  std::uint32_t read_queue = 32, write_queue = 32;  ///< entries
  /// row_hits_first: writing begins with more than `high` writes in the queue (or no read) and ends
  /// with fewer than `low` and a read waiting. bank_queues: all waiting writes go on to their banks
  /// when there are more than `high`, or more than `low` while the banks have nothing to do; the
  /// rest is written at the end.
  std::uint32_t write_high = 0, write_low = 0;
  std::uint32_t window = 32;     ///< row_hits_first: oldest entries that the choice is made from
  std::uint32_t bank_queue = 8;  ///< bank_queues: entries of a bank, at most most_bank_queue
  std::uint32_t row_hits = 4;    ///< bank_queues: bursts after which an open row gives way
  PagePolicy page = PagePolicy::open;
  RefreshMode refresh = RefreshMode::all_bank;
  RankRefresh rank_refresh = RankRefresh::together;
};

/// Of a queue of requests, and of one of a bank.
inline constexpr std::uint32_t most_entries = 256, most_bank_queue = 32;

/// Where tensors begin in the address space; see placement.hpp.
enum class Placement { packed, row, staggered };
inline constexpr workloads::Names<Placement, 3> placement_names{{
    {Placement::packed, "packed"},
    {Placement::row, "row"},
    {Placement::staggered, "staggered"},
}};

struct DramDevice {
  std::string name;         ///< e.g. "ddr4-2400"
  std::string description;  ///< one line
  Geometry geometry;
  Timing timing;
  std::optional<Currents> currents;  ///< absent: no energy but that of the interface
  double io_pj_per_bit = 0;          ///< interface and termination, reported by itself
  std::string mapping_name;          ///< e.g. "RoBaCoBg"
  Mapping mapping{};
  Controller controller;
  std::uint32_t channels = 1;          ///< a power of two
  std::uint64_t interleave_bytes = 0;  ///< consecutive bytes of a channel; a whole number of bursts
  Placement placement = Placement::packed;
  std::uint64_t grain_bytes = 0;  ///< arbitration grain: largest transaction; at most a row

  /// Of all channels.
  double peak_bytes_per_ns() const;
};

/// Read a device: `config` is a map as in models/devices/dram. Times are cycles (`tRCD: 17`) or ns
/// (`tRCD: 14.16 ns`), rounded up to cycles. Throws InputError with file:line and key path for an
/// unknown key, a value out of range or one that breaks a rule of the standard, which it names.
/// `controller` may be the name of a scheduler, or have it as `base`: as `with_controller`, with
/// open pages and refresh of all banks.
DramDevice read_dram_device(const workloads::Config& config);

/// The shipped device of that name (ddr4-2400), or the file of that path, with other values in
/// place of some of its own. Throws InputError.
DramDevice dram_device(const std::string& name_or_path,
                       const std::vector<workloads::Assignment>& overrides = {});

/// The names of the shipped devices.
std::vector<std::string> dram_device_names();

/// All that times and counts depend on, in one line.
std::string describe(const DramDevice& device);

/// RoBaCoBg -> digits. Throws InputError naming the mappings when the text is none: Ro, Ba, Co and,
/// unless the device has no groups, Bg, and unless it has one rank, Ra, each once, from the highest
/// digit.
Mapping parse_mapping(const std::string& text, const Geometry& geometry);

/// "row-hits-first", "bank-queues": as files call them (controllers/registry.cpp).
std::vector<std::string> scheduler_names();
std::string scheduler_name(Scheduler scheduler);
/// Throws InputError with the names there are and the nearest one.
Scheduler parse_scheduler(const std::string& name);

/// `device` with the controller of the simulator that `scheduler` is modelled on: 32 reads and 32
/// writes, watermarks, when ranks are refreshed and all else as there. Page policy and refresh
/// stay.
DramDevice with_controller(DramDevice device, Scheduler scheduler);

/// `device` with another mapping, checked.
DramDevice with_mapping(DramDevice device, const std::string& mapping);

}  // namespace spillway::models::dram
