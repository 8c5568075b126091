#pragma once

namespace spillway::models {

/// SystemC's coroutines leave AddressSanitizer with wrong bounds of the main stack when they switch
/// back to it, and the next exception is then taken for a stack error. Called on the main stack,
/// this tells it the right ones. Does nothing in a build without that sanitizer.
void restore_stack_bounds();

}  // namespace spillway::models
