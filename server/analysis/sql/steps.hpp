#pragma once

#include <string>
#include <utility>
#include <vector>

namespace upswing::analysis {

/// A query that grows from within: every step selects what the steps before it made, and some
/// columns more. Columns are named, since servers of 2018 take `SELECT *` to mean that the query
/// within has to be understood anew, at each step twice as often.
class Steps {
 public:
  Steps(std::string from, std::vector<std::string> columns)
      : text_(std::move(from)), names_(std::move(columns)) {}

  /// A column of the step at hand. Columns of one step do not see each other.
  void Add(const std::string& name, const std::string& expression);
  /// Ends the step at hand.
  void Next();

  /// SELECT of some of the columns, `kept`. It names all of them, or servers of 2018 would leave
  /// out those that only lambdas look at.
  std::string Select(const std::string& kept) const;

 private:
  std::string text_;
  std::vector<std::string> names_, columns_, added_;
};

}  // namespace upswing::analysis
