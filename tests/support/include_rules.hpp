// The rules of who may include whom, as a function of the sources' text.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace spillway::tests {

/// What breaks the rules in `files` (path from the root, such as "sim/plan.hpp" -> text), one
/// "path:line: complaint" each:
///  - of the folders workloads, models, sim, analysis, each includes itself and those before it;
///    tests include all of them, and nobody includes tests;
///  - so do the rooms of sim/plan: operations, lifetimes, mapping, fusion, allocation, residency,
///    emission, policies, reports;
///  - and those of analysis/, where all files lie: formats, closed_forms, reports, figures,
///  studies,
///    comparisons, pages, benchmarks, commands;
///  - SystemC and TLM are included in models/ alone, and in tests/models/;
///  - our own files are named in quotes from the root, anything else in angle brackets.
/// Works line by line: an include inside a block comment counts as one.
std::vector<std::string> include_violations(const std::map<std::string, std::string>& files);

/// The C++ sources below the four folders and tests/ of `root`, keyed as above.
std::map<std::string, std::string> read_sources(const std::filesystem::path& root);

}  // namespace spillway::tests
