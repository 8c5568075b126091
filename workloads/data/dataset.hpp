// Labelled images as the trainer wants them: floats in N,C,H,W order, ready to be fed to a network.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace spillway::workloads {

struct Dataset {
  std::string name;                       ///< "mnist", "cifar10" or "random"
  std::vector<std::int64_t> image_shape;  ///< C,H,W
  int classes = 0;
  std::vector<float> images;         ///< N,C,H,W
  std::vector<std::int32_t> labels;  ///< N, each from 0 to classes - 1

  std::size_t size() const { return labels.size(); }
};

struct DataSplit {
  Dataset train, test;
};

// The loaders read plain files and gzipped ones (with .gz appended to the name; the plain one comes
// first). Whatever is wrong with a file is an InputError: one line with the file, what was found
// and what is allowed.

/// MNIST or any data set in its format with ten classes: {train,t10k}-images-idx3-ubyte and
/// {train,t10k}-labels-idx1-ubyte, or the same names with a dot before "idx". Pixels are divided by
/// 255. Shape 1,H,W.
DataSplit load_mnist(const std::filesystem::path& folder);

/// CIFAR-10's binary version: those of data_batch_1.bin to data_batch_5.bin that are there, at
/// least one, and test_batch.bin. Each of the 3072 pixel values is standardised, in both sets, by
/// its own mean and (population) standard deviation over the training set; one that never varies is
/// only centred. Shape 3,32,32.
DataSplit load_cifar10(const std::filesystem::path& folder);

/// Subtract the mean of all pixel values of the training set and divide by their (population)
/// standard deviation, in both sets; values that never vary are only centred.
void standardise(DataSplit& data);

/// Noise: pixels uniform in [0, 1) and random labels, the same on every platform for one seed.
/// Throws InputError when a size or `classes` is below 1, or for more than 2^32 pixel values a set.
DataSplit random_data(std::vector<std::int64_t> image_shape, int classes, std::size_t train,
                      std::size_t test, std::uint64_t seed);

}  // namespace spillway::workloads
