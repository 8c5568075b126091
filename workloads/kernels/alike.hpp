// What operations share that treat every element alike.
#pragma once

#include <cstddef>
#include <cstdint>

#include "workloads/kernels/boxes.hpp"
#include "workloads/kernels/kernel.hpp"

namespace spillway::workloads {

/// All operands have one shape, and are indexed alike along all of its dimensions.
struct Alike {
  Contract contract;
  AccessMap map;

  explicit Alike(std::int64_t elements) {
    Axis all{"elements", elements};
    all.flat = true;
    all.rest = Cut::freely;
    map = {contract.along(contract.add(all))};
    contract.elementwise = static_cast<std::uint64_t>(elements);
  }
};

inline std::int64_t same_elements(Boxes in, Boxes out) {
  for (const Box& box : in) require_same(box, out[0]);
  for (const Box& box : out) require_same(box, out[0]);
  return elements(out[0]);
}

inline std::size_t float_bytes(std::int64_t elements) {
  return static_cast<std::size_t>(elements) * sizeof(float);
}

}  // namespace spillway::workloads
