// CRC-32 of bytes, as checkpoints and settings have it.
#pragma once

#include <zlib.h>

#include <cstdint>
#include <string_view>

namespace spillway::sim {

inline std::uint32_t checksum(std::string_view bytes) {
  uLong sum = crc32_z(0, nullptr, 0);
  sum = crc32_z(sum, reinterpret_cast<const Bytef*>(bytes.data()), bytes.size());
  return static_cast<std::uint32_t>(sum);
}

}  // namespace spillway::sim
