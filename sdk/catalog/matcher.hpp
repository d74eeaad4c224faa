#pragma once

#include <memory>
#include <string_view>

namespace upswing::catalog {

/// A compiled pattern of the operator `matches`: true if the text contains a match (unanchored).
/// Any thread may call.
class Matcher {
 public:
  virtual ~Matcher() = default;
  virtual bool Matches(std::string_view text) const = 0;
};

/// Compiles patterns in RE2 syntax, in linear time of the text. The SDK has none of its own: a
/// program that links RE2 hands one in.
class MatcherFactory {
 public:
  virtual ~MatcherFactory() = default;
  /// Null if the pattern is no RE2 expression.
  virtual std::unique_ptr<const Matcher> Compile(std::string_view pattern) const = 0;
};

}  // namespace upswing::catalog
