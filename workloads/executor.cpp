#include "workloads/executor.hpp"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <new>

#include "workloads/support/large_memory.hpp"

namespace spillway::workloads {

namespace {

template <class T>
std::span<T> view(std::span<std::byte> bytes) {
  return {reinterpret_cast<T*>(bytes.data()), bytes.size() / sizeof(T)};
}

}  // namespace

AlignedBytes::AlignedBytes(std::size_t size) : size_(size) {
  const std::size_t line = large_alignment(size);
  const std::size_t rounded = std::max((size + line - 1) / line * line, line);
  data_.reset(static_cast<std::byte*>(std::aligned_alloc(line, rounded)));
  if (!data_) throw std::bad_alloc();
  advise_large_pages(data_.get(), rounded);
  std::memset(data_.get(), 0, rounded);
}

void AlignedBytes::Free::operator()(std::byte* bytes) const { std::free(bytes); }

DirectExecutor::DirectExecutor(const Step& step, ValueGenerator generator)
    : step_(step), generator_(std::move(generator)), given_(step.tensors.size()) {
  for (const Tensor& tensor : step.tensors) tensors_.emplace_back(tensor.bytes().count());
}

std::span<std::byte> DirectExecutor::bytes(TensorId id) {
  const std::span<std::byte> bytes = tensors_.at(id).span();
  runner_.settle(bytes);
  runner_.forget(bytes);
  return bytes;
}
std::span<float> DirectExecutor::floats(TensorId id) { return view<float>(bytes(id)); }
std::span<std::int32_t> DirectExecutor::integers(TensorId id) {
  return view<std::int32_t>(bytes(id));
}

void DirectExecutor::give(TensorId id, std::span<const float> values) {
  std::copy(values.begin(), values.end(), floats(id).begin());
  given_[id] = true;
}

void DirectExecutor::give(TensorId id, std::span<const std::byte> values) {
  std::ranges::copy(values, bytes(id).begin());
  given_[id] = true;
}

void DirectExecutor::generate(const Tensor& tensor) {
  const auto seed = [&](TensorId id) { return static_cast<std::uint32_t>(integers(id)[0]); };
  const Generated& made = *tensor.generated;
  std::optional<std::uint64_t> sign_seed;
  if (made.sign_seed) sign_seed = seed(*made.sign_seed);
  generator_(made.values, seed(made.seed), sign_seed, bytes(tensor.id));
}

void DirectExecutor::run(const StepControl& control,
                         const std::function<void(std::size_t)>& after) {
  for (std::size_t i = 0; i < step_.ops.size(); ++i) {
    const Op& op = step_.ops[i];
    std::vector<const std::byte*> inputs;
    std::vector<std::byte*> outputs;
    for (const TensorId id : op.inputs) {
      if (step_.tensor(id).generated && !given_[id]) generate(step_.tensor(id));
      inputs.push_back(tensors_[id].span().data());
    }
    for (const TensorId id : op.outputs) outputs.push_back(tensors_[id].span().data());
    runner_.run(in_step(op.kernel, control), inputs, outputs);
    if (after) after(i);
  }
}

}  // namespace spillway::workloads
