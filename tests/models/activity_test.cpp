// When anything is under way: overlapping work counts once.
#include "models/activity.hpp"

#include <doctest/doctest.h>

namespace spillway::activity_test {

using models::Activity;
using namespace workloads::literals;

TEST_CASE("transfers that overlap are active time once") {
  Activity activity;
  activity.begin_transfer(10_ps);
  activity.begin_transfer(14_ps);
  activity.end_transfer(18_ps);
  activity.end_transfer(25_ps);
  activity.begin_transfer(30_ps);
  activity.end_transfer(31_ps);
  CHECK(activity.transfers() == 16_ps);
  CHECK(activity.active() == 16_ps);
}

TEST_CASE("work inside a transfer, before it, after it and across its end adds what is beside it") {
  Activity inside;
  inside.begin_transfer(0_ps);
  inside.work(3_ps, 5_ps);
  inside.end_transfer(10_ps);
  CHECK(inside.transfers() == 10_ps);
  CHECK(inside.active() == 10_ps);

  Activity across_the_begin;
  across_the_begin.work(0_ps, 6_ps);
  across_the_begin.begin_transfer(4_ps);
  across_the_begin.end_transfer(9_ps);
  CHECK(across_the_begin.transfers() == 5_ps);
  CHECK(across_the_begin.active() == 9_ps);

  Activity across_the_end;
  across_the_end.begin_transfer(0_ps);
  across_the_end.work(3_ps, 12_ps);
  across_the_end.end_transfer(5_ps);
  across_the_end.work(12_ps, 14_ps);
  CHECK(across_the_end.transfers() == 5_ps);
  CHECK(across_the_end.active() == 14_ps);

  Activity apart;
  apart.work(0_ps, 2_ps);
  apart.begin_transfer(5_ps);
  apart.end_transfer(6_ps);
  CHECK(apart.active() == 3_ps);
}

TEST_CASE("work that takes no time, and work on two units at once") {
  Activity activity;
  activity.work(1_ps, 1_ps);
  activity.begin_transfer(1_ps);
  activity.end_transfer(1_ps);
  CHECK(activity.active() == 0_ps);
  activity.work(2_ps, 8_ps);
  activity.work(3_ps, 5_ps);
  activity.work(4_ps, 9_ps);
  CHECK(activity.active() == 7_ps);
  CHECK(activity.transfers() == 0_ps);
}

}  // namespace spillway::activity_test
