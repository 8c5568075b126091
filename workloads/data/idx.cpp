#include "workloads/data/idx.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <utility>

#include "workloads/support/error.hpp"

namespace spillway::workloads {

namespace {

constexpr std::uint32_t unsigned_bytes = 0x0800;  // the type, in the magic number's third byte

std::uint32_t big_endian(const std::vector<std::uint8_t>& bytes, std::size_t at) {
  std::uint32_t value = 0;
  for (std::size_t i = 0; i < 4; ++i) value = value << 8 | bytes[at + i];
  return value;
}

}  // namespace

IdxArray parse_idx(std::vector<std::uint8_t> bytes, const std::string& file,
                   std::size_t dimensions) {
  const std::size_t header = 4 + 4 * dimensions;
  const std::uint32_t magic = unsigned_bytes | static_cast<std::uint32_t>(dimensions);
  if (bytes.size() >= 4 && big_endian(bytes, 0) != magic) {
    throw InputError(
        fmt::format("{}: found the magic number 0x{:08x}; allowed: 0x{:08x} (IDX, unsigned bytes, "
                    "dimensions: {})",
                    file, big_endian(bytes, 0), magic, dimensions));
  }
  if (bytes.size() < header) {
    throw InputError(fmt::format("{}: found {} bytes; allowed: an IDX header of {} and its values",
                                 file, bytes.size(), header));
  }

  IdxArray array;
  for (std::size_t i = 0; i < dimensions; ++i) {
    array.shape.push_back(big_endian(bytes, 4 + 4 * i));
  }
  const std::uint64_t found = bytes.size() - header;
  std::uint64_t count = 1;
  for (const std::int64_t size : array.shape) {
    if (size == 0) {
      throw InputError(fmt::format("{}: found the sizes {}; allowed: at least 1 each", file,
                                   fmt::join(array.shape, " x ")));
    }
    // Stopping at more than the file holds keeps the product of any header within 64 bits.
    if (count <= found) count *= static_cast<std::uint64_t>(size);
  }
  if (count != found) {
    throw InputError(fmt::format(
        "{}: {}: found {} bytes of values; allowed: {}, as its header says", file,
        count > found ? "cut short" : "too long", found, fmt::join(array.shape, " x ")));
  }
  bytes.erase(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(header));
  array.values = std::move(bytes);
  return array;
}

}  // namespace spillway::workloads
