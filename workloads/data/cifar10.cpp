#include "workloads/data/cifar10.hpp"

#include <fmt/format.h>

#include "workloads/support/error.hpp"

namespace spillway::workloads {

void parse_cifar10(const std::vector<std::uint8_t>& bytes, const std::string& file,
                   Cifar10Records& records) {
  constexpr std::size_t record = 1 + cifar10_pixels;
  if (bytes.empty() || bytes.size() % record != 0) {
    throw InputError(
        fmt::format("{}: found {} bytes; allowed: whole records of {} bytes, at least one", file,
                    bytes.size(), record));
  }
  records.labels.reserve(records.labels.size() + bytes.size() / record);
  records.pixels.reserve(records.pixels.size() + bytes.size() / record * cifar10_pixels);
  for (std::size_t start = 0; start < bytes.size(); start += record) {
    const std::uint8_t label = bytes[start];
    if (label >= cifar10_classes) {
      throw InputError(fmt::format("{}: record {}: found the label {}; allowed: 0 to {}", file,
                                   start / record, label, cifar10_classes - 1));
    }
    const auto pixels = bytes.begin() + static_cast<std::ptrdiff_t>(start) + 1;
    records.labels.push_back(label);
    records.pixels.insert(records.pixels.end(), pixels,
                          pixels + static_cast<std::ptrdiff_t>(cifar10_pixels));
  }
}

}  // namespace spillway::workloads
