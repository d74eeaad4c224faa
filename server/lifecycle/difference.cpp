#include "server/lifecycle/difference.hpp"

namespace upswing::lifecycle {
namespace {

void Compare(const json::Node& previous, const json::Node& next, const std::string& path,
             std::vector<Difference>* differences) {
  using Kind = Difference::Kind;
  if (!previous.is_object() || !next.is_object()) {
    std::string from = previous.Text();
    std::string to = next.Text();
    if (from != to) differences->push_back({Kind::kChanged, path, std::move(from), std::move(to)});
    return;
  }
  for (const json::Member& member : next.members()) {
    const std::string inner = json::PathOf(path, member.key);
    if (const json::Node* const before = previous.Find(member.key)) {
      Compare(*before, member.value, inner, differences);
    } else {
      differences->push_back({Kind::kAdded, inner, "", member.value.Text()});
    }
  }
  for (const json::Member& member : previous.members()) {
    if (next.Find(member.key) == nullptr)
      differences->push_back(
          {Kind::kRemoved, json::PathOf(path, member.key), member.value.Text(), ""});
  }
}

}  // namespace

std::vector<Difference> Differences(const json::Node& previous, const json::Node& next) {
  std::vector<Difference> differences;
  Compare(previous, next, "$", &differences);
  return differences;
}

}  // namespace upswing::lifecycle
