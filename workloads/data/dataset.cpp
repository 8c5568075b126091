#include "workloads/data/dataset.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <zlib.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <fstream>
#include <memory>
#include <optional>
#include <utility>

#include "workloads/data/cifar10.hpp"
#include "workloads/data/idx.hpp"
#include "workloads/support/error.hpp"
#include "workloads/support/nearest.hpp"
#include "workloads/support/splitmix.hpp"

namespace spillway::workloads {

namespace {

using std::filesystem::path;
using ByteVector = std::vector<std::uint8_t>;

// No file of either format comes near this size; it bounds what a damaged or hostile one can claim.
constexpr std::uintmax_t largest_data_file = 1u << 30;

constexpr int mnist_classes = 10;

std::string shown(const path& file) { return printable(file.string(), 300); }

[[noreturn]] void refuse_size(const path& file) {
  throw InputError(
      fmt::format("{}: found more than 1 GiB; allowed: data files up to 1 GiB", shown(file)));
}

/// The content of a gzip file. zlib's own reader of files would take a plain file under any name,
/// and would pass over bytes that follow the packed data; here both are seen.
ByteVector unpack(const ByteVector& packed, const path& file) {
  z_stream stream{};
  if (inflateInit2(&stream, MAX_WBITS + 16) != Z_OK) throw Error("zlib could not be started");
  const std::unique_ptr<z_stream, decltype(&inflateEnd)> end_at_exit(&stream, &inflateEnd);
  stream.next_in = const_cast<Bytef*>(packed.data());  // zlib only reads it
  stream.avail_in = static_cast<uInt>(packed.size());

  ByteVector unpacked;
  std::vector<Bytef> chunk(1 << 16);
  while (true) {
    stream.next_out = chunk.data();
    stream.avail_out = static_cast<uInt>(chunk.size());
    int status = inflate(&stream, Z_NO_FLUSH);
    unpacked.insert(unpacked.end(), chunk.data(), stream.next_out);
    if (unpacked.size() > largest_data_file) refuse_size(file);
    if (status == Z_STREAM_END) {
      if (stream.avail_in == 0) return unpacked;
      status = inflateReset(&stream);  // what follows must be packed data again (RFC 1952)
    }
    if (status != Z_OK) {
      const char* fault = stream.msg != nullptr ? stream.msg : "the packed data is cut short";
      throw InputError(fmt::format("{}: found damaged gzip data ({}); allowed: one intact file",
                                   shown(file), fault));
    }
  }
}

/// The bytes of a plain file, or of what a gzip file holds: neither format can begin like gzip.
ByteVector read_bytes(const path& file) {
  std::error_code error;
  if (!std::filesystem::is_regular_file(file, error)) {
    throw InputError(fmt::format("{}: found no regular file; allowed: a data file", shown(file)));
  }
  const std::uintmax_t size = std::filesystem::file_size(file, error);
  if (!error && size > largest_data_file) refuse_size(file);
  ByteVector bytes(error ? 0 : size);
  std::ifstream stream(file, std::ios::binary);
  stream.read(reinterpret_cast<char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
  if (error || !stream) {
    throw InputError(
        fmt::format("{}: found a file that cannot be read; allowed: a readable one", shown(file)));
  }
  const bool packed = bytes.size() >= 2 && bytes[0] == 0x1f && bytes[1] == 0x8b;
  return packed ? unpack(bytes, file) : bytes;
}

std::vector<std::string> with_gz(const std::vector<std::string>& names) {
  std::vector<std::string> all;
  for (const std::string& name : names) {
    all.push_back(name);
    all.push_back(name + ".gz");
  }
  return all;
}

std::optional<path> find_file(const path& folder, const std::vector<std::string>& names) {
  std::error_code error;
  for (const std::string& name : with_gz(names)) {
    if (std::filesystem::exists(folder / name, error)) return folder / name;
  }
  return std::nullopt;
}

[[noreturn]] void refuse_folder(const path& folder, const std::vector<std::string>& names) {
  std::error_code error;
  const bool is_folder = std::filesystem::is_directory(folder, error);
  throw InputError(
      fmt::format("{}: found {}; allowed: a folder with one of {} "
                  "(workloads/data/fetch gets the full sets)",
                  shown(folder), is_folder ? "none of the files looked for" : "no such folder",
                  joined(with_gz(names))));
}

path needed_file(const path& folder, const std::vector<std::string>& names) {
  const std::optional<path> file = find_file(folder, names);
  if (!file) refuse_folder(folder, names);
  return *file;
}

Dataset read_mnist_part(const path& folder, const std::string& part) {
  const path images_file =
      needed_file(folder, {part + "-images-idx3-ubyte", part + "-images.idx3-ubyte"});
  const path labels_file =
      needed_file(folder, {part + "-labels-idx1-ubyte", part + "-labels.idx1-ubyte"});
  const IdxArray images = parse_idx(read_bytes(images_file), shown(images_file), 3);
  const IdxArray labels = parse_idx(read_bytes(labels_file), shown(labels_file), 1);
  if (labels.shape[0] != images.shape[0]) {
    throw InputError(fmt::format("{}: found {} labels; allowed: {}, one for each image of {}",
                                 shown(labels_file), labels.shape[0], images.shape[0],
                                 shown(images_file)));
  }
  Dataset set{"mnist", {1, images.shape[1], images.shape[2]}, mnist_classes, {}, {}};
  set.images.reserve(images.values.size());
  for (const std::uint8_t value : images.values) {
    set.images.push_back(static_cast<float>(value) / 255.0f);
  }
  for (const std::uint8_t label : labels.values) {
    if (label >= mnist_classes) {
      throw InputError(fmt::format("{}: label {}: found {}; allowed: 0 to {}", shown(labels_file),
                                   set.size(), label, mnist_classes - 1));
    }
    set.labels.push_back(label);
  }
  return set;
}

struct PixelScale {
  double mean = 0;
  double deviation = 1;
};
using PixelScales = std::array<PixelScale, cifar10_pixels>;

/// Sums of integers, so that neither the order nor rounding matters until the last step.
PixelScales measure_pixels(const Cifar10Records& records) {
  std::array<std::uint64_t, cifar10_pixels> sums{};
  std::array<std::uint64_t, cifar10_pixels> squares{};
  for (std::size_t i = 0; i < records.pixels.size(); ++i) {
    const std::uint64_t value = records.pixels[i];
    sums[i % cifar10_pixels] += value;
    squares[i % cifar10_pixels] += value * value;
  }
  const std::uint64_t count = records.labels.size();
  PixelScales scales;
  for (std::size_t i = 0; i < cifar10_pixels; ++i) {
    const std::uint64_t spread = count * squares[i] - sums[i] * sums[i];  // count^2 * variance
    const auto n = static_cast<double>(count);
    scales[i].mean = static_cast<double>(sums[i]) / n;
    if (spread > 0) scales[i].deviation = std::sqrt(static_cast<double>(spread)) / n;
  }
  return scales;
}

Dataset standardised(const Cifar10Records& records, const PixelScales& scales) {
  Dataset set{"cifar10", {cifar10_channels, cifar10_edge, cifar10_edge}, cifar10_classes, {}, {}};
  set.labels.assign(records.labels.begin(), records.labels.end());
  set.images.reserve(records.pixels.size());
  for (std::size_t i = 0; i < records.pixels.size(); ++i) {
    const PixelScale& scale = scales[i % cifar10_pixels];
    set.images.push_back(static_cast<float>((records.pixels[i] - scale.mean) / scale.deviation));
  }
  return set;
}

/// Uniform in [0, 1): 24 bits, which a float holds exactly.
float fraction(SplitMix& numbers) { return static_cast<float>(numbers.next() >> 40) * 0x1p-24f; }

/// Uniform from 0 to bound - 1.
std::int32_t class_below(int bound, SplitMix& numbers) {
  return static_cast<std::int32_t>((numbers.next() >> 32) * static_cast<std::uint64_t>(bound) >>
                                   32);
}

/// Pixel values of one image, checked before anything is allocated: `images` of them must fit.
std::size_t checked_image_size(const std::vector<std::int64_t>& shape, std::size_t images) {
  constexpr std::uint64_t most_values = std::uint64_t{1} << 32;
  std::uint64_t values = 1;
  bool fits = !shape.empty() && images <= most_values;
  for (const std::int64_t size : shape) {
    fits = fits && size >= 1 && static_cast<std::uint64_t>(size) <= most_values / values;
    if (fits) values *= static_cast<std::uint64_t>(size);
  }
  if (!fits || images > most_values / values) {
    throw InputError(fmt::format(
        "random data: found {} images of {}; allowed: sizes of at least 1, up to 2^32 pixel values",
        images, fmt::join(shape, " x ")));
  }
  return values;
}

}  // namespace

DataSplit load_mnist(const path& folder) {
  DataSplit split{read_mnist_part(folder, "train"), read_mnist_part(folder, "t10k")};
  if (split.test.image_shape != split.train.image_shape) {
    throw InputError(fmt::format("{}: found test images of {}; allowed: {}, as for training",
                                 shown(folder), fmt::join(split.test.image_shape, " x "),
                                 fmt::join(split.train.image_shape, " x ")));
  }
  return split;
}

DataSplit load_cifar10(const path& folder) {
  std::vector<std::string> batches;
  for (int i = 1; i <= 5; ++i) batches.push_back(fmt::format("data_batch_{}.bin", i));
  Cifar10Records train;
  for (const std::string& batch : batches) {
    if (const std::optional<path> file = find_file(folder, {batch})) {
      parse_cifar10(read_bytes(*file), shown(*file), train);
    }
  }
  if (train.labels.empty()) refuse_folder(folder, batches);
  Cifar10Records test;
  const path test_file = needed_file(folder, {"test_batch.bin"});
  parse_cifar10(read_bytes(test_file), shown(test_file), test);

  const PixelScales scales = measure_pixels(train);
  return {standardised(train, scales), standardised(test, scales)};
}

void standardise(DataSplit& data) {
  const auto count = static_cast<double>(data.train.images.size());
  double sum = 0, squares = 0;
  for (const float value : data.train.images) sum += value;
  const double mean = sum / count;
  for (const float value : data.train.images) squares += (value - mean) * (value - mean);
  const double deviation = squares > 0 ? std::sqrt(squares / count) : 1;
  for (Dataset* set : {&data.train, &data.test}) {
    for (float& value : set->images) value = static_cast<float>((value - mean) / deviation);
  }
}

DataSplit random_data(std::vector<std::int64_t> image_shape, int classes, std::size_t train,
                      std::size_t test, std::uint64_t seed) {
  if (classes < 1) {
    throw InputError(fmt::format("random data: found {} classes; allowed: at least 1", classes));
  }
  const std::size_t image_size = checked_image_size(image_shape, std::max(train, test));
  SplitMix numbers(seed);
  const auto make = [&](std::size_t images) {
    Dataset set{"random", image_shape, classes, {}, {}};
    set.images.resize(images * image_size);
    set.labels.resize(images);
    for (float& value : set.images) value = fraction(numbers);
    for (std::int32_t& label : set.labels) label = class_below(classes, numbers);
    return set;
  };
  Dataset training_set = make(train);  // first: both draw from one sequence
  return {std::move(training_set), make(test)};
}

}  // namespace spillway::workloads
