#include "server/project/variant_check.hpp"

#include <vector>

#include "sdk/assignment/evaluate.hpp"
#include "server/authoring/re2_matcher.hpp"

namespace upswing::project {

absl::Status VariantCheck::Use(const std::string& bytes, const std::vector<catalog::Blob>& blobs) {
  catalog::LoadOptions options{.interner = &interner_, .matchers = &authoring::Re2Matchers()};
  options.blobs = blobs;
  auto view = catalog::View::Load(std::make_shared<const std::string>(bytes), options);
  if (!view.ok()) return view.status();
  const std::lock_guard lock(mutex_);
  view_ = *std::move(view);
  return absl::OkStatus();
}

bool VariantCheck::Variant(std::string_view experiment, std::string_view unit_type,
                           std::string_view unit_id, std::uint64_t catalog_version,
                           std::string* variant) const {
  std::shared_ptr<const catalog::View> view;
  {
    const std::lock_guard lock(mutex_);
    view = view_;
  }
  if (view == nullptr || view->version() != catalog_version) return false;
  const Decision decision =
      assignment::DecideExperiment(*view, experiment, Subject(unit_type, unit_id),
                                   assignment::Environment{.now_ms = clock_->WallMillis()});
  if (decision.reason != Reason::kAssigned) return false;
  *variant = decision.variant();
  return true;
}

}  // namespace upswing::project
