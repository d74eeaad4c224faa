#include "server/store/embedded/store_impl.hpp"

namespace upswing::store {

absl::StatusOr<EraseResult> StoreImpl::Erase(std::string_view, std::uint64_t, std::int64_t) {
  return absl::UnimplementedError("erase");
}

absl::StatusOr<EraseResult> StoreImpl::Expire(std::int64_t, const std::vector<std::string>&) {
  return absl::UnimplementedError("expire");
}

}  // namespace upswing::store
