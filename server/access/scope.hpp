#pragma once

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace upswing::access {

/// What a key may do. `kAdmin` may do everything.
enum class Scope : std::uint8_t {
  kClient = 1,    ///< Post batches, get the compiled catalog: what an SDK in an app needs.
  kEvaluate = 2,  ///< Ask the server for decisions.
  kRead = 4,      ///< Reports, the catalog as written and its history.
  kAdmin = 8,     ///< Publish, start, stop, ship; erase and export units; the audit log.
};

/// "client", "evaluate", "read", "admin".
std::string_view ScopeName(Scope scope);
std::optional<Scope> ParseScope(std::string_view name);

/// A set of scopes.
class Scopes {
 public:
  constexpr Scopes() = default;
  constexpr Scopes(std::initializer_list<Scope> scopes) {
    for (const Scope scope : scopes) Add(scope);
  }
  static constexpr Scopes All() {
    return {Scope::kClient, Scope::kEvaluate, Scope::kRead, Scope::kAdmin};
  }

  constexpr void Add(Scope scope) { bits_ |= static_cast<std::uint8_t>(scope); }
  /// Whether one of `needed` is in the set, or `kAdmin` is.
  constexpr bool Allow(Scopes needed) const {
    return (bits_ & (needed.bits_ | static_cast<std::uint8_t>(Scope::kAdmin))) != 0;
  }
  constexpr bool empty() const { return bits_ == 0; }
  /// In the order of the enumeration.
  std::vector<std::string_view> Names() const;

  friend constexpr bool operator==(Scopes, Scopes) = default;

 private:
  std::uint8_t bits_ = 0;
};

}  // namespace upswing::access
