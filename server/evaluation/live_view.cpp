#include "server/evaluation/live_view.hpp"

#include "server/authoring/re2_matcher.hpp"

namespace upswing::evaluation {

absl::StatusOr<std::shared_ptr<const catalog::View>> LiveView::For(
    std::uint64_t version, const std::string& bytes, const std::vector<catalog::Blob>& blobs) {
  const std::lock_guard lock(mutex_);
  if (view_ != nullptr && version_ == version) return view_;
  auto view = catalog::View::Load(
      std::make_shared<const std::string>(bytes),
      {.interner = &interner_, .blobs = blobs, .matchers = &authoring::Re2Matchers()});
  if (!view.ok()) return view.status();
  version_ = version;
  view_ = *std::move(view);
  return view_;
}

}  // namespace upswing::evaluation
