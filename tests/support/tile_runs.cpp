#include "tests/support/tile_runs.hpp"

#include <algorithm>
#include <cmath>

#include "models/kernel_cost.hpp"
#include "sim/plan/operations/tile_kernel.hpp"

namespace spillway::tile_test {

Array zeros(const TensorShape& shape, std::size_t element) {
  std::size_t count = element;
  for (const std::int64_t size : shape) count *= static_cast<std::size_t>(size);
  return {shape, OperandBytes(count)};
}
Array random_array(const TensorShape& shape, SplitMix& numbers) {
  return {shape, operand(random_values(zeros(shape).bytes.size() / 4, numbers))};
}
Array absolute(Array array) {
  if (array.element() != Bytes(4)) return array;
  Values values = as<float>(array.bytes);
  for (float& value : values) value = std::abs(value);
  return {array.shape, operand(values)};
}

namespace {

Part whole_part(const Operation& operation) {
  Part part;
  for (const Array& input : operation.inputs) part.inputs.push_back(input.whole());
  for (const Array& output : operation.outputs) part.outputs.push_back(output.whole());
  return part;
}

/// An operand with bytes around it that nobody may write.
class Guarded {
 public:
  explicit Guarded(const OperandBytes& values) : size_(values.size()), memory_(size_ + 2 * guard) {
    std::ranges::fill(memory_.span(), mark);
    std::ranges::copy(values, data());
  }
  std::byte* data() { return memory_.span().data() + guard; }
  bool is_intact() const {
    const auto marked = [](std::byte value) { return value == mark; };
    return std::ranges::all_of(memory_.span().first(guard), marked) &&
           std::ranges::all_of(memory_.span().last(guard), marked);
  }

 private:
  static constexpr std::size_t guard = 256;
  static constexpr std::byte mark{0x5a};
  std::size_t size_;
  AlignedBytes memory_;
};

/// Runs one part on operands of its own.
void run_part(const Kernel& kernel, const Operation& operation, const Part& part,
              std::vector<Array>& results) {
  static KernelRunner runner;
  std::vector<Guarded> memory;
  std::vector<const std::byte*> in;
  std::vector<std::byte*> out;
  const auto place = [&](const OperandBytes& values, Bytes expected) {
    REQUIRE(values.size() == expected.count());
    memory.emplace_back(values);
    return memory.back().data();
  };
  const OperandSizes sizes = operand_sizes(kernel);
  for (std::size_t i = 0; i < part.inputs.size(); ++i) {
    in.push_back(place(operation.inputs[i].gather(part.inputs[i]), sizes.inputs[i]));
  }
  for (std::size_t i = 0; i < part.outputs.size(); ++i) {
    out.push_back(operation.on.contains(i)
                      ? const_cast<std::byte*>(in[operation.on.at(i)])
                      : place(results[i].gather(part.outputs[i]), sizes.outputs[i]));
  }
  runner.run(kernel, in, out);
  for (std::size_t i = 0; i < part.outputs.size(); ++i) results[i].scatter(part.outputs[i], out[i]);
  REQUIRE(std::ranges::all_of(memory, &Guarded::is_intact));
}

}  // namespace

std::vector<Array> run_parts(const Operation& operation, std::vector<Part> parts, Outputs outputs,
                             SplitMix& numbers) {
  numbers.shuffle(parts);
  std::vector<Array> results = operation.outputs;
  if (outputs == Outputs::apart_or_equal) {
    for (Array& result : results) std::fill(result.bytes.begin(), result.bytes.end(), std::byte(7));
  }
  std::map<std::pair<std::size_t, Box>, std::int64_t> merged;  // values, by output and its box
  Macs macs;
  for (const Part& part : parts) {
    std::int64_t& before = merged[{part.outputs.size(), part.outputs.back().box}];
    const bool accumulate = outputs == Outputs::overlapping || before > 0;
    Kernel whole = operation.kernel;
    if (whole.merges()) whole = whole.after(before);
    const Kernel kernel = sim::tile_kernel(whole, part.inputs, part.outputs, accumulate);
    CHECK(accumulates(kernel) == accumulate);
    before += static_cast<std::int64_t>(part.inputs[0].elements()) / part.inputs[0].box[1].size();
    macs += models::kernel_cost(kernel).macs;
    run_part(kernel, operation, part, results);
  }
  CHECK(macs == models::kernel_cost(operation.kernel).macs);
  return results;
}

std::vector<Array> run_whole(const Operation& operation) {
  std::vector<Array> results = operation.outputs;
  run_part(operation.kernel, operation, whole_part(operation), results);
  return results;
}

void require_close(const Array& found, const Array& expected, const Array& magnitude) {
  Expected bounds(expected.bytes.size() / 4);
  const Values values = as<float>(expected.bytes), sizes = as<float>(magnitude.bytes);
  for (std::size_t i = 0; i < values.size(); ++i) {
    bounds.set(i, values[i], 1e-6 + 1e-5 * std::abs(sizes[i]));
  }
  bounds.require_close(as<float>(found.bytes));
}

void check_product(const Operation& operation, const std::vector<Part>& parts, Outputs outputs,
                   SplitMix& numbers) {
  Operation magnitudes = operation;
  for (Array& input : magnitudes.inputs) input = absolute(input);
  const auto found = run_parts(operation, parts, outputs, numbers);
  const auto expected = run_whole(operation), magnitude = run_whole(magnitudes);
  for (std::size_t i = 0; i < found.size(); ++i) {
    CAPTURE(i);
    require_close(found[i], expected[i], magnitude[i]);
  }
}

void check_equal(const Operation& operation, const std::vector<Part>& parts, SplitMix& numbers) {
  const auto found = run_parts(operation, parts, Outputs::apart_or_equal, numbers);
  const auto expected = run_whole(operation);
  for (std::size_t i = 0; i < found.size(); ++i) CHECK(found[i].bytes == expected[i].bytes);
}

}  // namespace spillway::tile_test
