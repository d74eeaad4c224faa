#include "server/access/scope.hpp"

namespace upswing::access {
namespace {

constexpr Scope kScopes[] = {Scope::kClient, Scope::kEvaluate, Scope::kRead, Scope::kAdmin};

}  // namespace

std::string_view ScopeName(Scope scope) {
  switch (scope) {
    case Scope::kClient:
      return "client";
    case Scope::kEvaluate:
      return "evaluate";
    case Scope::kRead:
      return "read";
    case Scope::kAdmin:
      return "admin";
  }
  return "";
}

std::optional<Scope> ParseScope(std::string_view name) {
  for (const Scope scope : kScopes) {
    if (ScopeName(scope) == name) return scope;
  }
  return std::nullopt;
}

std::vector<std::string_view> Scopes::Names() const {
  std::vector<std::string_view> names;
  for (const Scope scope : kScopes) {
    if ((bits_ & static_cast<std::uint8_t>(scope)) != 0) names.push_back(ScopeName(scope));
  }
  return names;
}

}  // namespace upswing::access
