#include "models/dram/traces/line_reader.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "workloads/support/error.hpp"

namespace spillway::models::dram {

using workloads::InputError;

LineReader::LineReader(const std::filesystem::path& path)
    : file_(path == "-" ? "standard input" : path.string()),
      descriptor_(path == "-" ? ::fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 0)
                              : ::open(path.c_str(), O_RDONLY | O_CLOEXEC)) {
  if (descriptor_ < 0) {
    throw InputError(fmt::format("{}: {}; allowed: a file that can be read",
                                 workloads::printable(file_, 200), std::strerror(errno)));
  }
  bytes_.resize(window);
}

LineReader::~LineReader() { ::close(descriptor_); }

bool LineReader::next(std::string_view& line) {
  std::size_t searched = 0;  // of the bytes held, without a line's end
  while (true) {
    const char* const held = bytes_.data() + begin_;
    const std::size_t size = end_ - begin_;
    const void* const found = std::memchr(held + searched, '\n', size - searched);
    if (found != nullptr || (at_end_ && size > 0)) {
      const std::size_t length =
          found != nullptr ? static_cast<std::size_t>(static_cast<const char*>(found) - held)
                           : size;
      line = std::string_view(held, length);
      if (line.ends_with('\r')) line.remove_suffix(1);
      begin_ += found != nullptr ? length + 1 : length;
      ++number_;
      return true;
    }
    if (at_end_) return false;
    searched = size;
    at_end_ = !read_more();
  }
}

/// Moves the held bytes to the front and reads behind them; false at the end of the file.
bool LineReader::read_more() {
  std::memmove(bytes_.data(), bytes_.data() + begin_, end_ - begin_);
  end_ -= begin_;
  begin_ = 0;
  if (end_ == bytes_.size()) {
    throw InputError(fmt::format(
        "{}:{}: found a line of more than {} bytes, \"{}\"; allowed: "
        "shorter lines",
        file_, number_ + 1, end_, workloads::printable(std::string(bytes_.data(), 61))));
  }
  while (true) {
    const ssize_t count = ::read(descriptor_, bytes_.data() + end_, bytes_.size() - end_);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) {
      throw InputError(
          fmt::format("{}: {}; allowed: a file that can be read", file_, std::strerror(errno)));
    }
    end_ += static_cast<std::size_t>(count);
    return count > 0;
  }
}

}  // namespace spillway::models::dram
