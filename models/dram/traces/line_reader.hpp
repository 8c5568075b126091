// The lines of a file or pipe, however long it is.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace spillway::models::dram {

class LineReader {
 public:
  static constexpr std::size_t window = 1 << 20;  ///< all that is held; the longest line, too

  /// "-" is standard input. Throws InputError when the file cannot be opened.
  explicit LineReader(const std::filesystem::path& path);
  ~LineReader();
  LineReader(const LineReader&) = delete;
  LineReader& operator=(const LineReader&) = delete;

  /// The next line without its end (\n or \r\n), good until the next call; false after the last.
  /// Throws InputError when the file cannot be read or the line is longer than the window.
  bool next(std::string_view& line);

  const std::string& file() const { return file_; }
  std::uint64_t number() const { return number_; }  ///< of the latest line, from 1

 private:
  bool read_more();

  std::string file_;
  int descriptor_;
  std::vector<char> bytes_;
  std::size_t begin_ = 0, end_ = 0;  // within `bytes_`: read and not yet given
  bool at_end_ = false;              // of the file
  std::uint64_t number_ = 0;
};

}  // namespace spillway::models::dram
