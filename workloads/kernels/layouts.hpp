// In which memory layouts each operand's values stand. Outside the kernels a tensor is plain
// row-major at its address; a kernel may leave a result in the layout that oneDNN computes fastest
// in (channels in blocks), kept beside the plain bytes, which are brought up to date only when
// somebody asks for them. Internal to the kernels.
#pragma once

#include <cstddef>
#include <list>
#include <map>
#include <oneapi/dnnl/dnnl.hpp>
#include <vector>

namespace spillway::workloads {

using Descriptor = dnnl::memory::desc;

/// A plain row-major tensor.
Descriptor plain_layout(const dnnl::memory::dims& dims,
                        dnnl::memory::data_type type = dnnl::memory::data_type::f32);

/// The layout in which maps [N, C, H, W] are kept from one operation to the next: channels in
/// blocks of this machine's vector width, or plain where they are no multiple of it. A function of
/// the shape alone, so that results do not depend on what ran before.
Descriptor map_layout(const dnnl::memory::dims& dims);

class Layouts {
 public:
  explicit Layouts(dnnl::engine engine) : engine_(std::move(engine)), stream_(engine_) {}

  // Operands of oneDNN primitives. `plain` describes the tensor at `address`.

  /// The values in the layout `wanted`, converted when they do not stand in it yet.
  dnnl::memory input(const std::byte* address, const Descriptor& plain, const Descriptor& wanted);
  /// Room for a result in `layout`, which is then the only one that is right.
  dnnl::memory output(std::byte* address, const Descriptor& plain, const Descriptor& layout);
  /// The values are changed in place in this layout, which is then the only one that is right.
  dnnl::memory in_place(std::byte* address, const Descriptor& plain, const Descriptor& layout);

  // Operands of plain loops.

  /// Bring plain bytes up to date.
  const std::byte* read(const std::byte* address, std::size_t size);
  /// Plain bytes that are about to be overwritten: no other layout is right any more.
  std::byte* write(std::byte* address, std::size_t size);
  /// The same for bytes that nobody will use again as they are: memory kept for them may go, too.
  void give_up(std::byte* address, std::size_t size);
  /// Both: bytes to be changed in place.
  std::byte* change(std::byte* address, std::size_t size);

  /// For loops that treat all elements alike: floats in whatever layout they stand, padding of
  /// blocks included.
  struct Flat {
    float* values;
    std::size_t count;
  };
  /// The elements of a tensor of `size` bytes, to be changed in place.
  Flat change_flat(std::byte* address, std::size_t size);
  /// Two tensors of one shape in one layout: `changed` to be changed in place.
  std::pair<Flat, const float*> change_flat(std::byte* changed, const std::byte* other,
                                            std::size_t size);
  /// Whether the values stand in a layout that a kernel made, as against bytes from outside.
  bool stands_in(const std::byte* address, const Descriptor& layout) const;

  dnnl::stream& stream() { return stream_; }
  const dnnl::engine& engine() const { return engine_; }

 private:
  struct Form {
    Descriptor layout;
    dnnl::memory memory;
    bool right = false;
  };
  struct Entry {
    Descriptor plain;
    bool plain_right = true;
    std::list<Form> forms;
  };
  using Entries = std::map<const std::byte*, Entry>;

  Entry& entry(const std::byte* address, const Descriptor& plain);
  Form& form(Entry& entry, const Descriptor& layout);
  static Form* right_form(Entry& entry);
  void settle(const std::byte* address, Entry& entry);
  void forget(Entry& entry);
  void settle_overlapping(const std::byte* address, std::size_t size);
  void forget_overlapping(const std::byte* address, std::size_t size, const Entry* but = nullptr);
  dnnl::memory outside(const std::byte* address, const Descriptor& plain) const;

  /// Of forms that are right nowhere: kept for the next result of their kind up to a limit, since
  /// tiles come to lie in many places.
  static constexpr std::size_t most_kept = std::size_t{1} << 30;

  dnnl::engine engine_;
  dnnl::stream stream_;
  Entries entries_;
  std::size_t largest_ = 0;  // bytes of the largest entry
  std::size_t kept_ = 0;     // bytes of all forms
};

}  // namespace spillway::workloads
