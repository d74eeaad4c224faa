#pragma once

#include <absl/container/flat_hash_set.h>

#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <string_view>
#include <vector>

#include "upswing/decision.hpp"

namespace upswing::catalog {

/// The strings that decisions and handles name: each distinct content once, until the interner
/// ends. One per client, and it outlives every view. Any thread may call; the decision path never
/// does.
class Interner {
 public:
  Interner() = default;
  Interner(const Interner&) = delete;
  Interner& operator=(const Interner&) = delete;

  /// Texts longer than 4 GiB are not representable; the catalog verifier excludes them.
  Symbol Intern(std::string_view text);
  SymbolList Intern(std::span<const Symbol> symbols);

  /// Memory held. Unit: bytes.
  std::size_t bytes() const;

 private:
  struct SymbolHash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const;
    std::size_t operator()(Symbol symbol) const { return (*this)(symbol.view()); }
  };
  struct SymbolEqual {
    using is_transparent = void;
    static std::string_view Text(std::string_view text) { return text; }
    static std::string_view Text(Symbol symbol) { return symbol.view(); }
    template <class A, class B>
    bool operator()(const A& a, const B& b) const {
      return Text(a) == Text(b);
    }
  };
  struct ListHash {
    std::size_t operator()(const SymbolList& list) const;
  };
  struct ListEqual {
    bool operator()(const SymbolList& a, const SymbolList& b) const;
  };

  char* Allocate(std::size_t size, std::size_t alignment);

  mutable std::mutex mutex_;  // all below
  std::vector<std::unique_ptr<char[]>> blocks_;
  std::size_t block_used_ = 0;
  std::size_t block_size_ = 0;
  std::size_t total_ = 0;
  absl::flat_hash_set<Symbol, SymbolHash, SymbolEqual> symbols_;
  absl::flat_hash_set<SymbolList, ListHash, ListEqual> lists_;
};

}  // namespace upswing::catalog
