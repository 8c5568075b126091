#include "workloads/kernels/layouts.hpp"

#include <algorithm>

namespace spillway::workloads {

using dnnl::memory;

Descriptor plain_layout(const memory::dims& dims, memory::data_type type) {
  memory::dims strides(dims.size());
  memory::dim stride = 1;
  for (std::size_t i = dims.size(); i-- > 0;) {
    strides[i] = stride;
    stride *= dims[i];
  }
  return {dims, type, strides};
}

Descriptor map_layout(const memory::dims& dims) {
  static const bool wide = dnnl::get_effective_cpu_isa() >= dnnl::cpu_isa::avx512_core;
  const memory::dim block = wide ? 16 : 8;
  if (dims[1] % block != 0) return plain_layout(dims);
  return {dims, memory::data_type::f32,
          wide ? memory::format_tag::nChw16c : memory::format_tag::nChw8c};
}

memory Layouts::outside(const std::byte* address, const Descriptor& plain) const {
  return {plain, engine_, const_cast<std::byte*>(address)};
}

Layouts::Entry& Layouts::entry(const std::byte* address, const Descriptor& plain) {
  largest_ = std::max(largest_, plain.get_size());
  Entry& found = entries_[address];
  if (found.plain != plain) {
    if (found.plain.get_size() != 0) {
      settle(address, found);
      forget(found);
    }
    found.plain = plain;
  }
  return found;
}

Layouts::Form& Layouts::form(Entry& entry, const Descriptor& layout) {
  for (Form& candidate : entry.forms) {
    if (candidate.layout == layout) return candidate;
  }
  entry.forms.push_back({layout, memory(layout, engine_), false});
  kept_ += layout.get_size();
  return entry.forms.back();
}

Layouts::Form* Layouts::right_form(Entry& entry) {
  const auto found =
      std::ranges::find_if(entry.forms, [](const Form& candidate) { return candidate.right; });
  return found == entry.forms.end() ? nullptr : &*found;
}

void Layouts::settle(const std::byte* address, Entry& entry) {
  if (entry.plain_right) return;
  memory to = outside(address, entry.plain);
  memory& from = right_form(entry)->memory;
  dnnl::reorder(from, to).execute(stream_, from, to);
  stream_.wait();
  entry.plain_right = true;
}

void Layouts::forget(Entry& entry) {
  entry.plain_right = true;
  for (Form& candidate : entry.forms) candidate.right = false;
}

void Layouts::settle_overlapping(const std::byte* address, std::size_t size) {
  for (auto at = entries_.lower_bound(
           address - std::min<std::size_t>(largest_, reinterpret_cast<std::uintptr_t>(address)));
       at != entries_.end() && at->first < address + size; ++at) {
    if (at->first + at->second.plain.get_size() > address) settle(at->first, at->second);
  }
}

void Layouts::forget_overlapping(const std::byte* address, std::size_t size, const Entry* but) {
  for (auto at = entries_.lower_bound(
           address - std::min<std::size_t>(largest_, reinterpret_cast<std::uintptr_t>(address)));
       at != entries_.end() && at->first < address + size; ++at) {
    const std::byte* end = at->first + at->second.plain.get_size();
    if (end <= address || &at->second == but) continue;
    const bool covered = at->first >= address && end <= address + size;
    if (!covered) settle(at->first, at->second);
    forget(at->second);
  }
}

memory Layouts::input(const std::byte* address, const Descriptor& plain, const Descriptor& wanted) {
  if (wanted == plain) {
    read(address, plain.get_size());
    return outside(address, plain);
  }
  Entry& here = entry(address, plain);
  Form& result = form(here, wanted);
  if (result.right) return result.memory;
  Form* source = right_form(here);
  if (source == nullptr) settle_overlapping(address, plain.get_size());
  memory from = source != nullptr ? source->memory : outside(address, plain);
  dnnl::reorder(from, result.memory).execute(stream_, from, result.memory);
  stream_.wait();
  result.right = true;
  return result.memory;
}

memory Layouts::output(std::byte* address, const Descriptor& plain, const Descriptor& layout) {
  if (layout == plain) return outside(write(address, plain.get_size()), plain);
  Entry& here = entry(address, plain);
  forget_overlapping(address, plain.get_size(), &here);
  forget(here);
  Form& result = form(here, layout);
  result.right = true;
  here.plain_right = false;
  return result.memory;
}

memory Layouts::in_place(std::byte* address, const Descriptor& plain, const Descriptor& layout) {
  const memory values = input(address, plain, layout);
  output(address, plain, layout);
  return values;
}

const std::byte* Layouts::read(const std::byte* address, std::size_t size) {
  settle_overlapping(address, size);
  return address;
}

std::byte* Layouts::write(std::byte* address, std::size_t size) {
  forget_overlapping(address, size);
  return address;
}

void Layouts::give_up(std::byte* address, std::size_t size) {
  forget_overlapping(address, size);
  if (kept_ <= most_kept) return;
  const auto first = entries_.lower_bound(address), last = entries_.lower_bound(address + size);
  for (auto at = first; at != last; ++at) {
    for (const Form& form : at->second.forms) kept_ -= form.layout.get_size();
  }
  entries_.erase(first, last);
}

std::byte* Layouts::change(std::byte* address, std::size_t size) {
  read(address, size);
  return write(address, size);
}

Layouts::Flat Layouts::change_flat(std::byte* address, std::size_t size) {
  const auto found = entries_.find(address);
  if (found != entries_.end() && found->second.plain.get_size() == size) {
    if (const Form* right = right_form(found->second)) {
      const memory values = in_place(address, found->second.plain, right->layout);
      return {static_cast<float*>(values.get_data_handle()),
              values.get_desc().get_size() / sizeof(float)};
    }
  }
  return {reinterpret_cast<float*>(change(address, size)), size / sizeof(float)};
}

std::pair<Layouts::Flat, const float*> Layouts::change_flat(std::byte* changed,
                                                            const std::byte* other,
                                                            std::size_t size) {
  const auto a = entries_.find(changed), b = entries_.find(other);
  if (a != entries_.end() && b != entries_.end() && a->second.plain.get_size() == size &&
      a->second.plain == b->second.plain) {
    for (Form& theirs : b->second.forms) {
      for (Form& ours : a->second.forms) {
        if (!ours.right || !theirs.right || ours.layout != theirs.layout) continue;
        const memory values = in_place(changed, a->second.plain, ours.layout);
        return {{static_cast<float*>(values.get_data_handle()),
                 values.get_desc().get_size() / sizeof(float)},
                static_cast<const float*>(theirs.memory.get_data_handle())};
      }
    }
  }
  const auto* theirs = reinterpret_cast<const float*>(read(other, size));
  return {{reinterpret_cast<float*>(change(changed, size)), size / sizeof(float)}, theirs};
}

bool Layouts::stands_in(const std::byte* address, const Descriptor& layout) const {
  const auto found = entries_.find(address);
  return found != entries_.end() && std::ranges::any_of(found->second.forms, [&](const Form& f) {
           return f.right && f.layout == layout;
         });
}

}  // namespace spillway::workloads
