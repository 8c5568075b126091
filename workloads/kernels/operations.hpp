// All families of kernels.
#pragma once

#include "workloads/kernels/batch_norm.hpp"
#include "workloads/kernels/convolution.hpp"
#include "workloads/kernels/dense.hpp"
#include "workloads/kernels/joins.hpp"
#include "workloads/kernels/loss.hpp"
#include "workloads/kernels/optimizer_update.hpp"
#include "workloads/kernels/pointwise.hpp"
#include "workloads/kernels/pooling.hpp"
