// Spillway as a library: read an experiment, plan it, run it, say what came out. Everything that
// most clients use; any other header is included by its own path, <spillway/sim/run/timing.hpp>.
#pragma once

#include "analysis/closed_forms/closed_form.hpp"
#include "analysis/closed_forms/lower_bound.hpp"
#include "analysis/figures/explore_buffer.hpp"
#include "analysis/reports/report.hpp"
#include "analysis/sweeps/run_sweep.hpp"
#include "analysis/sweeps/sweep_table.hpp"
#include "sim/experiment.hpp"
#include "sim/plan/plan.hpp"
#include "sim/run/direct.hpp"
#include "sim/run/inference.hpp"
#include "sim/run/simulation.hpp"
#include "sim/run/training.hpp"
#include "workloads/network.hpp"
#include "workloads/rules/rule.hpp"
#include "workloads/support/error.hpp"
#include "workloads/support/sizes.hpp"
