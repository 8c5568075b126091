// The trace formats of other DRAM simulators, one request a line:
//
//  dramsim3          0xADDRESS READ|WRITE CYCLE      DRAMsim3's trace files
//  ramulator2        LD|ST ADDRESS                   Ramulator 2's load/store traces, without time;
//                                                    decimal, or hexadecimal with 0x
//  dramsys           CYCLE: [(BYTES)] read|write 0xADDRESS [0xDATA]     DRAMSys' .stl files
//  dramsys-relative  the same with cycles since the request before      DRAMSys' .rstl files
//
// An address stands for the burst of the device that it lies in. Cycles are those of the channel's
// command clock unless another one is named. Blank lines, and lines that
// begin with #, hold no request. Forms that DRAMsim3 and DRAMSys read besides are read, too:
// addresses without 0x, `read` and `P_MEM_RD` for READ, a cycle without its colon. Data are looked
// at by nobody.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "workloads/support/names.hpp"

namespace spillway::models::dram {

enum class TraceFormat { dramsim3, ramulator2, dramsys, dramsys_relative };

/// As users name them.
inline constexpr workloads::Names<TraceFormat, 4> trace_formats{{
    {TraceFormat::dramsim3, "dramsim3"},
    {TraceFormat::ramulator2, "ramulator2"},
    {TraceFormat::dramsys, "dramsys"},
    {TraceFormat::dramsys_relative, "dramsys-relative"},
}};
const std::vector<std::string>& trace_format_names();
/// Those that can be written.
const std::vector<std::string>& written_format_names();

std::string format_name(TraceFormat format);

/// The format of a name among `allowed`; ramulator, stl and rstl mean what they must. Throws
/// InputError.
TraceFormat trace_format(const std::string& name, const std::vector<std::string>& allowed);

/// The form of a line, for messages.
std::string_view line_form(TraceFormat format);

}  // namespace spillway::models::dram
