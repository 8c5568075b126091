#include "models/stack_bounds.hpp"

#if defined(__SANITIZE_ADDRESS__)
#include <pthread.h>
#include <sanitizer/common_interface_defs.h>

#include <cstddef>
#endif

namespace spillway::models {

#if defined(__SANITIZE_ADDRESS__)

namespace {

struct Stack {
  void* bottom = nullptr;
  std::size_t size = 0;
  Stack() {
    pthread_attr_t attributes;
    pthread_getattr_np(pthread_self(), &attributes);
    pthread_attr_getstack(&attributes, &bottom, &size);
    pthread_attr_destroy(&attributes);
  }
};

}  // namespace

void restore_stack_bounds() {
  static const Stack stack;
  // A switch from the main stack to itself.
  void* fake_stack = nullptr;
  __sanitizer_start_switch_fiber(&fake_stack, stack.bottom, stack.size);
  __sanitizer_finish_switch_fiber(fake_stack, nullptr, nullptr);
}

#else

void restore_stack_bounds() {}

#endif

}  // namespace spillway::models
