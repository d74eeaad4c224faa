#include "server/analysis/sql/steps.hpp"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace upswing::analysis {

void Steps::Add(const std::string& name, const std::string& expression) {
  columns_.push_back(absl::StrCat(expression, " AS ", name));
  added_.push_back(name);
}

void Steps::Next() {
  if (columns_.empty()) return;
  text_ = absl::StrCat("SELECT ", absl::StrJoin(names_, ", "), ", ", absl::StrJoin(columns_, ", "),
                       " FROM (", text_, ")");
  names_.insert(names_.end(), added_.begin(), added_.end());
  columns_.clear();
  added_.clear();
}

std::string Steps::Select(const std::string& kept) const {
  return absl::StrCat("SELECT ", kept, " FROM (", text_, ") WHERE ignore(",
                      absl::StrJoin(names_, ", "), ") = 0");
}

}  // namespace upswing::analysis
