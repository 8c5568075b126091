// Pieces of a page: values with their place in a result, tables, folds.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "analysis/pages/run_view.hpp"

namespace spillway::analysis::pages {

/// Text fit for an element or an attribute.
std::string escaped(const std::string& text);

/// A JSON value times `scale`: integers in groups of three, others with four digits or more, a
/// list's items one after the other.
std::string shown(const Json& value, double scale = 1);
std::string shown(double value);
/// A figure's mark: "1.5 M", "20 k".
std::string short_number(double value);
std::string percent(double share);
/// What became of `before`: "+12.3 %", or "× 25" where percent say little. `before` is not 0.
std::string change(double before, double after);

/// ' data-run="0" data-key="/time_ns" data-value="12.5"'; "" where nothing stands there.
std::string place(const RunView& run, const std::string& pointer);

/// A value in a sentence; "not known" where nothing stands there.
std::string value(const RunView& run, const std::string& pointer, double scale = 1);

/// Cells of a table. A value that is not there is "-".
std::string value_cell(const RunView& run, const std::string& pointer, double scale = 1,
                       const std::string& below = "");
std::string text_cell(const std::string& text);
std::string number_cell(const std::string& text, const std::string& attributes = "");

/// Key and value of the elements that a sum goes over.
using Where = std::vector<std::pair<std::string, std::string>>;
/// The sum over rows of a ledger that have all of these keys; "" where it has none.
struct Sum {
  std::uint64_t words = 0;
  std::string attributes;
};
Sum sum_of(const RunView& run, const std::string& ledger, const std::vector<LedgerRow>& rows,
           const Where& where);

class HtmlTable {
 public:
  /// A heading that begins with "#" is of a column of numbers.
  HtmlTable(std::string caption, const std::vector<std::string>& headings);
  /// The first cell is the row's heading; the others are whole cells.
  void row(const std::string& heading, const std::vector<std::string>& cells,
           const std::string& kind = "");
  bool empty() const { return rows_ == 0; }
  /// In a box of its own that scrolls sideways.
  std::string text() const;

 private:
  std::string caption_, text_;
  std::size_t rows_ = 0;
};

/// What is shown when its heading is asked for.
std::string fold(const std::string& heading, const std::string& content, bool open = false);
/// A paragraph about what a result has not.
std::string missing(const std::string& text);
/// A figure with what it shows.
std::string figure(const std::string& caption, const std::string& content);
std::string subheading(const std::string& text);

}  // namespace spillway::analysis::pages
