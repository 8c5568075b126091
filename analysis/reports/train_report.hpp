// What `spillway train` says, as text and as JSON.
#pragma once

#include <string>

#include "sim/run/training.hpp"

namespace spillway::analysis {

/// With four decimals; "nan" when it is no number.
std::string loss_text(double loss);
std::string train_head(const sim::Experiment& experiment, const workloads::DataSplit& data,
                       bool direct);
std::string train_epoch_text(const sim::Experiment& experiment, const sim::Epoch& epoch);
std::string train_tail(const sim::TrainingResult& result);
std::string train_json(const sim::Experiment& experiment, const sim::TrainingResult& result,
                       bool direct);

}  // namespace spillway::analysis
