#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "upswing/upswing.h"

namespace upswing::testing {

/// Bytes that say what to do next: of a fuzzer, or random. Past their end everything is 0.
class Choices {
 public:
  explicit Choices(std::string_view bytes) : bytes_(bytes) {}
  bool empty() const { return at_ >= bytes_.size(); }
  std::uint8_t Byte() { return empty() ? 0 : static_cast<std::uint8_t>(bytes_[at_++]); }
  std::uint64_t Word() {
    std::uint64_t word = 0;
    for (int i = 0; i < 8; ++i) word = word << 8 | Byte();
    return word;
  }
  std::size_t Below(std::size_t n) { return Byte() % n; }
  /// Mostly a name that means something, else any bytes.
  std::string Text();

 private:
  std::string_view bytes_;
  std::size_t at_ = 0;
};

/// Calls of the C interface in any order with any arguments within the contract: pointers that are
/// not null are valid, and nobody uses a handle that is destroyed. Checks what must hold after each
/// call and ends the process where it does not.
///
/// Several callers may share a client, each with subjects, decisions and keys of its own.
class CApiCaller {
 public:
  /// `client` may be null, for a caller that makes clients of its own: `catalogs` are for these.
  CApiCaller(upswing_client* client, const std::vector<std::string>& catalogs);
  ~CApiCaller();
  CApiCaller(const CApiCaller&) = delete;
  CApiCaller& operator=(const CApiCaller&) = delete;

  /// One call.
  void Call(Choices& choices);
  /// How many calls did what they were asked, rather than refuse it.
  std::size_t accepted() const { return accepted_; }

 private:
  void CallClient(Choices& choices);
  void CallSubject(Choices& choices);
  void CallReads(Choices& choices);
  void CallLifecycle(Choices& choices);
  void Make(Choices& choices);
  upswing_subject* AnySubject(Choices& choices);
  void CheckStatus(upswing_status status);

  std::size_t accepted_ = 0;
  const std::vector<std::string>& catalogs_;
  const bool own_client_;
  upswing_client* client_;
  std::vector<upswing_subject*> subjects_;
  std::vector<upswing_decision> made_;
  upswing_decisions* all_ = nullptr;
  upswing_key keys_[3] = {};
  std::uint64_t listener_ = 0;
  std::string strings_[4];  // what a client's options point to
};

}  // namespace upswing::testing
