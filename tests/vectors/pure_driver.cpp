// Decision vectors by the assignment layer alone, which other processors are tested with.
//   vectors_pure < input > answers
#include <cstdlib>
#include <iostream>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <tuple>
#include <utility>

#include "sdk/assignment/evaluate.hpp"
#include "sdk/catalog/interner.hpp"
#include "sdk/catalog/view.hpp"
#include "tests/vectors/vector_file.hpp"

namespace upswing::vectors {
namespace {

/// Keeps assignments as the client does: one stored under a version is replaced by an older one's
/// successor only.
class Memory final : public assignment::StickyReader {
 public:
  std::optional<assignment::StickyAssignment> Find(std::string_view type, std::string_view id,
                                                   std::string_view experiment) const override {
    const auto found = kept_.find({std::string(type), std::string(id), std::string(experiment)});
    if (found == kept_.end()) return std::nullopt;
    return assignment::StickyAssignment{found->second.first, found->second.second};
  }
  void Keep(const Decision& d, const Subject& subject) {
    if (!d.sticky || !d.in_experiment() || d.reason == Reason::kForced) return;
    auto& kept =
        kept_[{std::string(d.unit_type()), std::string(subject.id(subject.units()[d.unit_index])),
               std::string(d.experiment())}];
    if (!kept.first.empty() && kept.second >= d.sticky_version) return;
    kept = {std::string(d.variant()), d.sticky_version};
  }

 private:
  std::map<std::tuple<std::string, std::string, std::string>, std::pair<std::string, std::uint32_t>>
      kept_;
};

class Pure {
 public:
  void Start(std::string catalog) {
    memory_ = Memory();
    view_ = nullptr;
    if (!catalog.empty()) Supply(std::move(catalog));
  }
  void Supply(std::string catalog) {
    catalog::LoadOptions options;
    options.interner = &interner_;
    auto view =
        catalog::View::Load(std::make_shared<const std::string>(std::move(catalog)), options);
    if (!view.ok()) {
      std::cerr << view.status() << '\n';
      std::exit(1);
    }
    view_ = *std::move(view);
  }
  Decision Experiment(std::string_view key, const Subject& subject) {
    const Decision decision = Peek(key, subject);
    memory_.Keep(decision, subject);
    return decision;
  }
  Decision Flag(std::string_view key, const Subject& subject) {
    const Decision decision = PeekFlag(key, subject);
    memory_.Keep(decision, subject);
    return decision;
  }
  Decision Peek(std::string_view key, const Subject& subject) const {
    if (view_ == nullptr) return Decision();
    return assignment::DecideExperiment(*view_, key, subject, environment_);
  }
  Decision PeekFlag(std::string_view key, const Subject& subject) const {
    if (view_ == nullptr) return Decision();
    return assignment::DecideFlag(*view_, key, subject, environment_);
  }

 private:
  catalog::Interner interner_;
  std::shared_ptr<const catalog::View> view_;
  Memory memory_;
  const assignment::Environment environment_{.now_ms = 1'795'000'000'000, .sticky = &memory_};
};

}  // namespace
}  // namespace upswing::vectors

int main() {
  upswing::vectors::Pure pure;
  upswing::vectors::Run(std::cin, std::cout, pure);
  return 0;
}
