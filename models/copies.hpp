// Copies of bytes that are noted first and then carried out together, by all threads where that
// pays.
#pragma once

#include <cstddef>
#include <vector>

namespace spillway::models {

/// Copies that all threads share: in pieces of this size, from `least_shared` bytes on.
inline constexpr std::size_t shared_piece = 64 * 1024, least_shared = 256 * 1024;

/// When the copied bytes will be read: late ones need not displace other bytes from the host's
/// caches.
enum class Reuse { soon, late };

class Copies {
 public:
  /// Until run() returns nobody else may write the bytes on either side or read the bytes at `to`,
  /// and no two copies may overlap.
  void add(std::byte* to, const std::byte* from, std::size_t size, Reuse reuse);
  void run();

 private:
  struct Copy {
    std::byte* to;
    const std::byte* from;
    std::size_t size;
    Reuse reuse;
  };
  static constexpr std::size_t most_noted = 4096;

  std::vector<Copy> copies_;
  std::size_t size_ = 0;  // of all of them
};

}  // namespace spillway::models
