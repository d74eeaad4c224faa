// Catalog bytes from outside: the loader refuses them or gives a view on which every decision is
// safe. The input is the FlatBuffer; its envelope is made here, so that the checksum does not hide
// the loader from the fuzzer (one input in 16 goes in as it is).

#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "sdk/assignment/evaluate.hpp"
#include "sdk/assignment/explain.hpp"
#include "sdk/catalog/envelope.hpp"
#include "sdk/catalog/signature.hpp"
#include "sdk/catalog/view.hpp"

namespace {

struct ContainsMatcher final : upswing::catalog::Matcher {
  explicit ContainsMatcher(std::string_view text) : pattern(text) {}
  bool Matches(std::string_view text) const override {
    return text.find(pattern) != std::string_view::npos;
  }
  std::string pattern;
};

struct ContainsFactory final : upswing::catalog::MatcherFactory {
  std::unique_ptr<const upswing::catalog::Matcher> Compile(std::string_view text) const override {
    return std::make_unique<ContainsMatcher>(text);
  }
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace upswing;
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const bool raw = size != 0 && data[size - 1] % 16 == 0;
  auto bytes = std::make_shared<const std::string>(raw ? std::string(input) : catalog::Seal(input));
  // Nobody has signed these: the reader of signatures must say so, whatever the bytes.
  static const catalog::KeyRing ring({std::string(32, 'k')});
  if (ring.Verify(*bytes).ok()) std::abort();
  if (const auto signed_part = catalog::StripSignatures(input);
      signed_part.ok() && signed_part->size() > input.size())
    std::abort();
  catalog::Interner interner;
  const ContainsFactory matchers;
  const auto view = catalog::View::Load(
      bytes, {.interner = &interner, .matchers = size % 2 == 0 ? &matchers : nullptr});
  if (!view.ok()) return 0;

  Subject subject("user", "u-1");
  subject.SetUnit("device", "d");
  // An attribute of each kind under the names of the corpus.
  for (const char* name : {"s", "v", "i", "d", "b", "t", "l", "country", "app_version", "age"}) {
    switch (name[0]) {
      case 's':
      case 'c':
        subject.Set(name, "CN");
        break;
      case 'v':
      case 'a':
        subject.Set(name, "8.2.0-rc.1");
        break;
      case 'i':
        subject.Set(name, 18);
        break;
      case 'd':
        subject.Set(name, 0.5);
        break;
      case 'b':
        subject.Set(name, true);
        break;
      case 't':
        subject.Set(name, Subject::Time(std::chrono::seconds(1'794'000'000)));
        break;
      default:
        subject.Set(name, {"a", ""});
    }
  }
  const assignment::Environment environment{.now_ms = 1'794'000'000'000};
  std::vector<Decision> decisions;
  assignment::DecideAll(**view, subject, environment, decisions);
  std::size_t explained = 0;
  for (const auto& experiment : (*view)->experiments()) {
    if (++explained > 8) break;
    assignment::ExplainExperiment(**view, experiment.key.view(), subject, environment);
  }
  explained = 0;
  for (const auto& flag : (*view)->flags()) {
    assignment::DecideFlag(**view, flag, subject, environment);
    if (++explained <= 8) assignment::ExplainFlag(**view, flag.key.view(), subject, environment);
  }
  (*view)->NextBoundary(environment.now_ms);
  return 0;
}
