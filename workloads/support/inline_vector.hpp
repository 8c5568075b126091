// A short list that lies where it stands, without memory of its own.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <stdexcept>

namespace spillway::workloads {

/// At most `capacity` elements; one more is a std::length_error.
template <class T, std::size_t capacity>
class InlineVector {
 public:
  InlineVector() = default;
  InlineVector(std::initializer_list<T> elements) {
    for (const T& element : elements) push_back(element);
  }

  void push_back(const T& element) {
    if (size_ == capacity) throw std::length_error("an inline vector is full");
    elements_[size_++] = element;
  }
  std::size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  T& operator[](std::size_t i) { return elements_[i]; }
  const T& operator[](std::size_t i) const { return elements_[i]; }
  T& back() { return elements_[size_ - 1U]; }
  const T& back() const { return elements_[size_ - 1U]; }
  T* begin() { return elements_.data(); }
  T* end() { return elements_.data() + size_; }
  const T* begin() const { return elements_.data(); }
  const T* end() const { return elements_.data() + size_; }

 private:
  std::array<T, capacity> elements_;
  std::uint8_t size_ = 0;
};

}  // namespace spillway::workloads
