// Errors of one family. The command line turns each into one clear line and an exit code.
#pragma once

#include <stdexcept>
#include <string>

namespace spillway::workloads {

/// Anything Spillway refuses or cannot do. Exit code 2 unless a derived class says otherwise.
class Error : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// Bad input: a file, a key or an argument. Raised before anything is simulated or written.
class InputError : public Error {
 public:
  using Error::Error;
};

/// A program that breaks the device's rules (absent tile, redundant transfer, deadlock …).
class ProgramError : public Error {
 public:
  using Error::Error;
};

/// Counts that must agree and do not: a defect in Spillway itself.
class ConsistencyError : public Error {
 public:
  using Error::Error;
};

/// `text` made fit for one line of a message: control and non-ASCII bytes escaped, cut at `limit`
/// characters.
std::string printable(const std::string& text, std::size_t limit = 60);

}  // namespace spillway::workloads
