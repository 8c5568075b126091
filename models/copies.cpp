#include "models/copies.hpp"

#include <cstdint>
#include <cstring>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace spillway::models {

namespace {

/// Past the caches where the machine has instructions for that.
void stream(std::byte* to, const std::byte* from, std::size_t size) {
#if defined(__SSE2__)
  constexpr std::size_t line = 64, part = sizeof(__m128i);
  const std::size_t head = (line - reinterpret_cast<std::uintptr_t>(to) % line) % line;
  if (size >= head + line) {
    std::memcpy(to, from, head);
    to += head, from += head, size -= head;
    for (; size >= line; to += line, from += line, size -= line) {
      for (std::size_t i = 0; i < line; i += part) {
        const auto values = _mm_loadu_si128(reinterpret_cast<const __m128i*>(from + i));
        _mm_stream_si128(reinterpret_cast<__m128i*>(to + i), values);
      }
    }
    _mm_sfence();
  }
#endif
  std::memcpy(to, from, size);
}

}  // namespace

void Copies::add(std::byte* to, const std::byte* from, std::size_t size, Reuse reuse) {
  size_ += size;
  if (!copies_.empty()) {
    Copy& last = copies_.back();
    if (to == last.to + last.size && from == last.from + last.size &&
        last.size + size <= shared_piece && reuse == last.reuse) {
      last.size += size;
      return;
    }
  }
  copies_.push_back({to, from, size, reuse});
  if (copies_.size() == most_noted) run();
}

void Copies::run() {
  if (size_ < least_shared) {  // no parallel region: even with one thread it takes system calls
    for (const Copy& copy : copies_) std::memcpy(copy.to, copy.from, copy.size);
  } else {
    const auto count = static_cast<std::int64_t>(copies_.size());
#pragma omp parallel for schedule(static)
    for (std::int64_t i = 0; i < count; ++i) {
      const Copy& copy = copies_[static_cast<std::size_t>(i)];
      if (copy.reuse == Reuse::late) {
        stream(copy.to, copy.from, copy.size);
      } else {
        std::memcpy(copy.to, copy.from, copy.size);
      }
    }
  }
  copies_.clear();
  size_ = 0;
}

}  // namespace spillway::models
