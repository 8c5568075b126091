// Whether the tests are built with sanitizers, which make them several times as slow.
#pragma once

#include <doctest/doctest.h>

namespace spillway::test {

#ifdef __SANITIZE_ADDRESS__
inline constexpr bool sanitized = true;
#else
inline constexpr bool sanitized = false;
#endif

/// Of a test that computes for long and reaches no code that others do not: it is left out under
/// sanitizers.
inline const doctest::skip slow_if_sanitized{sanitized};

/// How many random cases are looked at: under sanitizers what a few of them show has to do.
constexpr int cases(int all, int if_sanitized) { return sanitized ? if_sanitized : all; }

}  // namespace spillway::test
