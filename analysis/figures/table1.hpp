// The closed forms of Table 1 as a table of networks.
#pragma once

#include <string>
#include <vector>

#include "analysis/closed_forms/closed_form.hpp"

namespace spillway::analysis {

std::string table1_text(const std::vector<workloads::Network>& networks, const Table1Scale& scale);
std::string table1_json(const std::vector<workloads::Network>& networks, const Table1Scale& scale);

}  // namespace spillway::analysis
