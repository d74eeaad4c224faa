#include "sdk/catalog/interner.hpp"

#include <algorithm>
#include <cstring>

#include "sdk/base/hash.hpp"

namespace upswing::catalog {
namespace {
constexpr std::size_t kFirstBlock = 1024;
constexpr std::size_t kLargestBlock = 64 * 1024;
}  // namespace

std::size_t Interner::SymbolHash::operator()(std::string_view text) const {
  return static_cast<std::size_t>(base::Hash64(text));
}

std::size_t Interner::ListHash::operator()(const SymbolList& list) const {
  std::uint64_t hash = list.size();
  for (const Symbol symbol : list) {
    hash = base::Mix(hash ^ reinterpret_cast<std::uintptr_t>(symbol.view().data()));
  }
  return static_cast<std::size_t>(hash);
}

bool Interner::ListEqual::operator()(const SymbolList& a, const SymbolList& b) const {
  return std::equal(a.begin(), a.end(), b.begin(), b.end());
}

Symbol Interner::Intern(std::string_view text) {
  const std::lock_guard lock(mutex_);
  if (const auto found = symbols_.find(text); found != symbols_.end()) return *found;
  const auto size = static_cast<std::uint32_t>(text.size());
  char* const memory = Allocate(sizeof(size) + text.size() + 1, alignof(std::uint32_t));
  std::memcpy(memory, &size, sizeof(size));
  if (size != 0) std::memcpy(memory + sizeof(size), text.data(), text.size());
  memory[sizeof(size) + text.size()] = '\0';
  const Symbol symbol(memory + sizeof(size));
  symbols_.insert(symbol);
  return symbol;
}

SymbolList Interner::Intern(std::span<const Symbol> symbols) {
  if (symbols.empty()) return {};
  const auto size = static_cast<std::uint32_t>(symbols.size());
  const std::lock_guard lock(mutex_);
  const SymbolList wanted(symbols.data(), size);
  if (const auto found = lists_.find(wanted); found != lists_.end()) return *found;
  char* const memory = Allocate(symbols.size_bytes(), alignof(Symbol));
  std::memcpy(memory, symbols.data(), symbols.size_bytes());
  const SymbolList list(reinterpret_cast<const Symbol*>(memory), size);
  lists_.insert(list);
  return list;
}

std::size_t Interner::bytes() const {
  const std::lock_guard lock(mutex_);
  // One control byte beside each slot of a flat_hash_set.
  return total_ + symbols_.capacity() * (sizeof(Symbol) + 1) +
         lists_.capacity() * (sizeof(SymbolList) + 1);
}

char* Interner::Allocate(std::size_t size, std::size_t alignment) {
  std::size_t at = (block_used_ + alignment - 1) / alignment * alignment;
  if (at + size > block_size_) {
    block_size_ = std::max(size, std::clamp(block_size_ * 2, kFirstBlock, kLargestBlock));
    blocks_.push_back(std::make_unique<char[]>(block_size_));
    total_ += block_size_;
    at = 0;
  }
  block_used_ = at + size;
  return blocks_.back().get() + at;
}

}  // namespace upswing::catalog
