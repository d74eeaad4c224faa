#include "server/authoring/re2_matcher.hpp"

#include <re2/re2.h>

namespace upswing::authoring {
namespace {

class Re2Matcher final : public catalog::Matcher {
 public:
  explicit Re2Matcher(std::string_view pattern)
      : expression_(re2::StringPiece(pattern.data(), pattern.size()), Options()) {}
  bool ok() const { return expression_.ok(); }
  bool Matches(std::string_view text) const override {
    return RE2::PartialMatch(re2::StringPiece(text.data(), text.size()), expression_);
  }

 private:
  static RE2::Options Options() {
    RE2::Options options;
    options.set_log_errors(false);
    return options;
  }
  RE2 expression_;
};

class Re2Factory final : public catalog::MatcherFactory {
 public:
  std::unique_ptr<const catalog::Matcher> Compile(std::string_view pattern) const override {
    auto matcher = std::make_unique<Re2Matcher>(pattern);
    if (!matcher->ok()) return nullptr;
    return matcher;
  }
};

}  // namespace

const catalog::MatcherFactory& Re2Matchers() {
  static const Re2Factory factory;
  return factory;
}

}  // namespace upswing::authoring
