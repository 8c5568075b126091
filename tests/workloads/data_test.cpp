#include <doctest/doctest.h>
#include <stdlib.h>
#include <zlib.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <functional>
#include <string>
#include <vector>

#include "workloads/data/cifar10.hpp"
#include "workloads/data/dataset.hpp"
#include "workloads/support/error.hpp"

namespace spillway::data_test {

using namespace spillway::workloads;
namespace workloads = spillway::workloads;  // glibc has a global struct random_data

namespace {

const std::filesystem::path data_folder =
    std::filesystem::path(SPILLWAY_SOURCE_DIR) / "workloads" / "data";

/// A folder of its own for one test, removed with everything in it.
class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string name = (std::filesystem::temp_directory_path() / "spillway-data-XXXXXX").string();
    REQUIRE(mkdtemp(name.data()) != nullptr);
    path_ = name;
  }
  ~TemporaryFolder() { std::filesystem::remove_all(path_); }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;

  const std::filesystem::path& path() const { return path_; }
  void write(const std::string& name, const std::string& content) const {
    std::ofstream(path_ / name, std::ios::binary) << content;
  }
  void write_gz(const std::string& name, const std::string& content) const {
    const gzFile file = gzopen((path_ / name).c_str(), "wb");
    gzwrite(file, content.data(), static_cast<unsigned>(content.size()));
    gzclose(file);
  }
  std::string read(const std::string& name) const {
    std::ifstream stream(path_ / name, std::ios::binary);
    return {std::istreambuf_iterator<char>(stream), {}};
  }
  void remove(const std::string& name) const { std::filesystem::remove_all(path_ / name); }

 private:
  std::filesystem::path path_;
};

/// What a packed file holds, by zlib's own reader of files.
std::string unpacked(const std::filesystem::path& file) {
  const gzFile stream = gzopen(file.c_str(), "rb");
  REQUIRE(stream != nullptr);
  std::string content;
  std::vector<char> chunk(1 << 16);
  for (int n = 0; (n = gzread(stream, chunk.data(), static_cast<unsigned>(chunk.size()))) > 0;) {
    content.append(chunk.data(), static_cast<std::size_t>(n));
  }
  CHECK(gzclose(stream) == Z_OK);
  return content;
}

std::string big_endian(std::uint32_t value) {
  std::string bytes;
  for (const int shift : {24, 16, 8, 0}) bytes += static_cast<char>(value >> shift & 0xff);
  return bytes;
}

std::string idx(std::uint32_t magic, const std::vector<std::uint32_t>& sizes,
                const std::string& values) {
  std::string bytes = big_endian(magic);
  for (const std::uint32_t size : sizes) bytes += big_endian(size);
  return bytes + values;
}

constexpr std::uint32_t images_magic = 0x803;
constexpr std::uint32_t labels_magic = 0x801;

/// Two training images and one test image of 1 x 2 pixels.
void write_small_mnist(const TemporaryFolder& folder) {
  folder.write("train-images-idx3-ubyte",
               idx(images_magic, {2, 1, 2}, std::string("\x00\xff\x33\x00", 4)));
  folder.write("train-labels-idx1-ubyte", idx(labels_magic, {2}, "\x09\x04"));
  folder.write("t10k-images-idx3-ubyte", idx(images_magic, {1, 1, 2}, "\xff\x01"));
  folder.write("t10k-labels-idx1-ubyte", idx(labels_magic, {1}, "\x01"));
}

std::string cifar10_record(char label, char value) {
  std::string record(1 + cifar10_pixels, value);
  record.front() = label;
  return record;
}

void write_small_cifar10(const TemporaryFolder& folder) {
  folder.write("data_batch_1.bin", cifar10_record(3, 10) + cifar10_record(7, 30));
  folder.write("test_batch.bin", cifar10_record(0, 40));
}

/// The message with which an action is refused; it must be one line.
std::string refusal(const std::function<void()>& action) {
  try {
    action();
  } catch (const InputError& error) {
    const std::string message = error.what();
    CHECK(message.find('\n') == std::string::npos);
    return message;
  }
  return "nothing was refused";
}

void check_contains(const std::string& message, const std::vector<std::string>& parts) {
  for (const std::string& part : parts) {
    CHECK_MESSAGE(message.find(part) != std::string::npos, message << " lacks: " << part);
  }
}

/// The MNIST reader must refuse the folder, in a message with the file's path and these parts.
void check_mnist_refused(const TemporaryFolder& folder, const std::string& file,
                         const std::vector<std::string>& parts) {
  const std::string message = refusal([&] { load_mnist(folder.path()); });
  check_contains(message, {(folder.path() / file).string() + ": "});
  check_contains(message, parts);
}

void check_cifar10_refused(const TemporaryFolder& folder, const std::string& file,
                           const std::vector<std::string>& parts) {
  const std::string message = refusal([&] { load_cifar10(folder.path()); });
  check_contains(message, {(folder.path() / file).string() + ": "});
  check_contains(message, parts);
}

void check_balanced(const Dataset& set, long per_class) {
  for (int label = 0; label < set.classes; ++label) {
    CHECK(std::count(set.labels.begin(), set.labels.end(), label) == per_class);
  }
  CHECK(set.labels.size() == static_cast<std::size_t>(per_class * set.classes));
}

std::vector<std::int32_t> first_labels(const Dataset& set) {
  return {set.labels.begin(), set.labels.begin() + 5};
}

}  // namespace

TEST_CASE("the MNIST subset has balanced classes and pixels from 0 to 1") {
  const DataSplit data = load_mnist(data_folder / "mnist-subset");
  CHECK(data.train.name == "mnist");
  for (const Dataset* set : {&data.train, &data.test}) {
    CHECK(set->classes == 10);
    CHECK(set->image_shape == std::vector<std::int64_t>{1, 28, 28});
    CHECK(set->images.size() == set->size() * 28 * 28);
    const auto [lowest, highest] = std::minmax_element(set->images.begin(), set->images.end());
    CHECK(*lowest == 0.0f);
    CHECK(*highest == 1.0f);
  }
  check_balanced(data.train, 500);
  check_balanced(data.test, 100);
  CHECK(first_labels(data.train) == std::vector<std::int32_t>{5, 0, 4, 1, 9});
  CHECK(first_labels(data.test) == std::vector<std::int32_t>{7, 2, 1, 0, 4});
}

TEST_CASE("the first MNIST image is the well-known five") {
  const DataSplit data = load_mnist(data_folder / "mnist-subset");
  const float* image = data.train.images.data();
  CHECK(std::all_of(image, image + 5 * 28 + 12, [](float value) { return value == 0.0f; }));
  CHECK(image[5 * 28 + 12] == 3.0f / 255.0f);  // where its first stroke begins
}

TEST_CASE("the CIFAR-10 subset has balanced classes") {
  const DataSplit data = load_cifar10(data_folder / "cifar10-subset");
  CHECK(data.train.name == "cifar10");
  for (const Dataset* set : {&data.train, &data.test}) {
    CHECK(set->classes == 10);
    CHECK(set->image_shape == std::vector<std::int64_t>{3, 32, 32});
    CHECK(set->images.size() == set->size() * cifar10_pixels);
  }
  check_balanced(data.train, 60);
  check_balanced(data.test, 30);
  CHECK(first_labels(data.train) == std::vector<std::int32_t>{6, 9, 9, 4, 1});
  CHECK(first_labels(data.test) == std::vector<std::int32_t>{3, 8, 8, 0, 6});
}

TEST_CASE("each CIFAR-10 pixel has mean 0 and deviation 1 over the training set") {
  const DataSplit data = load_cifar10(data_folder / "cifar10-subset");
  const double count = static_cast<double>(data.train.size());
  for (std::size_t pixel = 0; pixel < cifar10_pixels; pixel += 97) {
    double sum = 0;
    double squares = 0;
    for (std::size_t n = 0; n < data.train.size(); ++n) {
      const double value = data.train.images[n * cifar10_pixels + pixel];
      sum += value;
      squares += value * value;
    }
    CHECK(std::abs(sum / count) < 1e-6);
    CHECK(squares / count == doctest::Approx(1.0));
  }
}

TEST_CASE("CIFAR-10 test images are standardised by the training set") {
  const TemporaryFolder folder;
  write_small_cifar10(folder);
  const DataSplit data = load_cifar10(folder.path());
  CHECK(data.train.images.front() == -1.0f);  // 10 and 30: mean 20, deviation 10
  CHECK(data.train.images.back() == 1.0f);
  CHECK(data.test.images.front() == 2.0f);
}

TEST_CASE("a CIFAR-10 pixel that never varies is only centred") {
  const TemporaryFolder folder;
  folder.write("data_batch_1.bin", cifar10_record(3, 10) + cifar10_record(7, 10));
  folder.write("test_batch.bin", cifar10_record(0, 13));
  const DataSplit data = load_cifar10(folder.path());
  CHECK(data.train.images.front() == 0.0f);
  CHECK(data.test.images.front() == 3.0f);
}

TEST_CASE("the CIFAR-10 batches that exist are read in order") {
  const TemporaryFolder folder;
  folder.write("data_batch_2.bin", cifar10_record(2, 10));
  folder.write_gz("data_batch_5.bin.gz", cifar10_record(5, 30));
  folder.write("test_batch.bin", cifar10_record(0, 40));
  CHECK(load_cifar10(folder.path()).train.labels == std::vector<std::int32_t>{2, 5});
}

TEST_CASE("packed and plain files read the same") {
  const TemporaryFolder folder;
  for (const char* subset : {"mnist-subset", "cifar10-subset"}) {
    for (const auto& entry : std::filesystem::directory_iterator(data_folder / subset)) {
      folder.write(entry.path().stem().string(), unpacked(entry.path()));
    }
  }
  const DataSplit mnist = load_mnist(folder.path());
  const DataSplit packed_mnist = load_mnist(data_folder / "mnist-subset");
  CHECK(mnist.train.images == packed_mnist.train.images);
  CHECK(mnist.test.labels == packed_mnist.test.labels);
  const DataSplit cifar10 = load_cifar10(folder.path());
  const DataSplit packed_cifar10 = load_cifar10(data_folder / "cifar10-subset");
  CHECK(cifar10.train.images == packed_cifar10.train.images);
  CHECK(cifar10.test.images == packed_cifar10.test.images);
}

TEST_CASE("MNIST files may have a dot in their names") {
  const TemporaryFolder folder;
  write_small_mnist(folder);
  std::filesystem::rename(folder.path() / "train-images-idx3-ubyte",
                          folder.path() / "train-images.idx3-ubyte");
  std::filesystem::rename(folder.path() / "t10k-labels-idx1-ubyte",
                          folder.path() / "t10k-labels.idx1-ubyte");
  const DataSplit data = load_mnist(folder.path());
  CHECK(data.train.images == std::vector<float>{0.0f, 1.0f, 0.2f, 0.0f});
  CHECK(data.train.labels == std::vector<std::int32_t>{9, 4});
  CHECK(data.test.image_shape == std::vector<std::int64_t>{1, 1, 2});
}

TEST_CASE("a missing MNIST file is named with every name that was looked for") {
  const TemporaryFolder folder;
  write_small_mnist(folder);
  folder.remove("t10k-labels-idx1-ubyte");
  const std::string message = refusal([&] { load_mnist(folder.path()); });
  check_contains(message, {folder.path().string() + ": ", "t10k-labels-idx1-ubyte, ",
                           "t10k-labels-idx1-ubyte.gz", "t10k-labels.idx1-ubyte, ",
                           "t10k-labels.idx1-ubyte.gz"});
}

TEST_CASE("a missing folder is said to be missing") {
  const TemporaryFolder folder;
  for (const auto& load : {load_mnist, load_cifar10}) {
    check_contains(refusal([&] { load(folder.path() / "absent"); }),
                   {(folder.path() / "absent").string() + ": found no such folder"});
  }
}

TEST_CASE("a missing CIFAR-10 file is named with every name that was looked for") {
  const TemporaryFolder folder;
  write_small_cifar10(folder);
  folder.remove("test_batch.bin");
  check_contains(refusal([&] { load_cifar10(folder.path()); }),
                 {folder.path().string() + ": ", "test_batch.bin, test_batch.bin.gz"});
  folder.remove("data_batch_1.bin");
  check_contains(refusal([&] { load_cifar10(folder.path()); }),
                 {"data_batch_1.bin, data_batch_1.bin.gz", "data_batch_5.bin.gz"});
}

TEST_CASE("a folder in the place of a data file is refused") {
  const TemporaryFolder folder;
  write_small_mnist(folder);
  folder.remove("train-images-idx3-ubyte");
  std::filesystem::create_directory(folder.path() / "train-images-idx3-ubyte");
  check_mnist_refused(folder, "train-images-idx3-ubyte", {"found no regular file"});
}

TEST_CASE("an IDX file that is not as its header says is refused") {
  const TemporaryFolder folder;
  write_small_mnist(folder);
  const std::string name = "train-images-idx3-ubyte";
  const auto refused = [&](const std::string& content, const std::vector<std::string>& parts) {
    folder.write(name, content);
    check_mnist_refused(folder, name, parts);
  };
  refused("", {"found 0 bytes", "header of 16"});
  refused(idx(images_magic, {2, 1}, ""), {"found 12 bytes", "header of 16"});
  refused(idx(labels_magic, {4}, "abcd"), {"0x00000801", "0x00000803"});
  refused(idx(0xd03, {2, 1, 2}, "abcd"), {"0x00000d03", "0x00000803"});
  refused(idx(images_magic, {2, 1, 2}, "abc"), {"cut short", "found 3 bytes", "2 x 1 x 2"});
  refused(idx(images_magic, {2, 1, 2}, "abcde"), {"too long", "found 5 bytes", "2 x 1 x 2"});
  refused(idx(images_magic, {0, 1, 2}, ""), {"0 x 1 x 2", "at least 1"});
  // 2^96 values: the product of the sizes does not fit in 64 bits.
  refused(idx(images_magic, {0xffffffff, 0xffffffff, 0xffffffff}, "abcd"),
          {"cut short", "4294967295 x 4294967295 x 4294967295"});
  refused(idx(images_magic, {0x80000000, 0x80000000, 4}, ""), {"cut short"});
}

TEST_CASE("MNIST images and labels that do not belong together are refused") {
  const TemporaryFolder folder;
  write_small_mnist(folder);
  folder.write("train-labels-idx1-ubyte", idx(labels_magic, {3}, "\x09\x04\x01"));
  check_mnist_refused(folder, "train-labels-idx1-ubyte",
                      {"found 3 labels", "allowed: 2", "train-images-idx3-ubyte"});
  folder.write("train-labels-idx1-ubyte", idx(labels_magic, {2}, "\x09\x0a"));
  check_mnist_refused(folder, "train-labels-idx1-ubyte", {"label 1: found 10", "0 to 9"});
}

TEST_CASE("test images of another size than the training images are refused") {
  const TemporaryFolder folder;
  write_small_mnist(folder);
  folder.write("t10k-images-idx3-ubyte", idx(images_magic, {1, 2, 1}, "ab"));
  check_contains(refusal([&] { load_mnist(folder.path()); }),
                 {folder.path().string() + ": ", "1 x 2 x 1", "1 x 1 x 2"});
}

TEST_CASE("damaged gzip data is refused") {
  const TemporaryFolder folder;
  write_small_cifar10(folder);
  const std::string name = "test_batch.bin.gz";
  folder.remove("test_batch.bin");
  folder.write_gz(name, cifar10_record(4, 1));
  const std::string intact = folder.read(name);
  CHECK(load_cifar10(folder.path()).test.labels.front() == 4);

  const auto refused = [&](const std::string& content, const std::vector<std::string>& parts) {
    folder.write(name, content);
    check_cifar10_refused(folder, name, parts);
  };
  refused(intact.substr(0, intact.size() - 1), {"damaged gzip data", "cut short"});
  refused(intact.substr(0, 5), {"damaged gzip data", "cut short"});
  refused(intact + "more", {"damaged gzip data", "incorrect header check"});
  std::string wrong_checksum = intact;
  wrong_checksum[intact.size() - 8] ^= 1;
  refused(wrong_checksum, {"damaged gzip data", "incorrect data check"});
}

TEST_CASE("a gzip file of several members reads as one") {
  const TemporaryFolder folder;
  write_small_cifar10(folder);
  folder.write_gz("part.gz", cifar10_record(4, 1));
  const std::string part = folder.read("part.gz");
  folder.remove("test_batch.bin");
  folder.write("test_batch.bin.gz", part + part);
  CHECK(load_cifar10(folder.path()).test.labels == std::vector<std::int32_t>{4, 4});
}

TEST_CASE("faulty CIFAR-10 records are refused") {
  const TemporaryFolder folder;
  write_small_cifar10(folder);
  const auto refused = [&](const std::string& content, const std::vector<std::string>& parts) {
    folder.write("data_batch_1.bin", content);
    check_cifar10_refused(folder, "data_batch_1.bin", parts);
  };
  const std::string record = cifar10_record(1, 5);
  refused("", {"found 0 bytes", "3073 bytes"});
  refused(record.substr(1), {"found 3072 bytes", "3073 bytes"});
  refused(record + "x", {"found 3074 bytes", "3073 bytes"});
  refused(record + cifar10_record(10, 5), {"record 1: found the label 10", "0 to 9"});
}

TEST_CASE("random data is the same for one seed and differs for another") {
  const DataSplit data = workloads::random_data({2, 3, 4}, 5, 50, 20, 7);
  const DataSplit again = workloads::random_data({2, 3, 4}, 5, 50, 20, 7);
  const DataSplit other = workloads::random_data({2, 3, 4}, 5, 50, 20, 8);
  CHECK(data.train.images == again.train.images);
  CHECK(data.train.labels == again.train.labels);
  CHECK(data.test.images == again.test.images);
  CHECK(data.train.images != other.train.images);
  CHECK(data.train.labels != other.train.labels);
  CHECK(data.train.images[0] != data.test.images[0]);
}

TEST_CASE("random data draws the published SplitMix64 sequence") {
  // The first output for the seed 1234567 is 6457827717110365317; a pixel is its top 24 bits.
  const DataSplit data = workloads::random_data({1, 1, 1}, 10, 1, 1, 1234567);
  CHECK(data.train.images[0] == static_cast<float>(6457827717110365317u >> 40) / 16777216.0f);
}

TEST_CASE("random data has the sizes asked for and stays in its ranges") {
  const DataSplit data = workloads::random_data({2, 3, 4}, 5, 50, 20, 7);
  CHECK(data.train.size() == 50);
  CHECK(data.test.size() == 20);
  for (const Dataset* set : {&data.train, &data.test}) {
    CHECK(set->images.size() == set->size() * 24);
    for (const float value : set->images) CHECK((value >= 0.0f && value < 1.0f));
  }
  for (std::int32_t label = 0; label < 5; ++label) {
    CHECK(std::count(data.train.labels.begin(), data.train.labels.end(), label) > 0);
  }
  CHECK(*std::max_element(data.train.labels.begin(), data.train.labels.end()) == 4);
}

TEST_CASE("random data of impossible sizes is refused") {
  const std::size_t huge = std::size_t{1} << 62;
  check_contains(refusal([] { workloads::random_data({1, 2, 2}, 0, 1, 1, 0); }), {"0 classes"});
  check_contains(refusal([] { workloads::random_data({1, 0, 2}, 2, 1, 1, 0); }), {"1 x 0 x 2"});
  check_contains(refusal([] { workloads::random_data({}, 2, 1, 1, 0); }), {"at least 1"});
  check_contains(refusal([&] { workloads::random_data({1, 2, 2}, 2, huge, 1, 0); }), {"2^32"});
  check_contains(refusal([&] { workloads::random_data({1, 2, 2}, 2, 1, huge, 0); }), {"2^32"});
  check_contains(refusal([&] {
                   workloads::random_data({1 << 20, 1 << 20, 1 << 30}, 2, 1, 1, 0);
                 }),
                 {"2^32"});
}

}  // namespace spillway::data_test
