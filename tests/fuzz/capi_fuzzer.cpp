// The C interface: any sequence of calls with any arguments within its contract.
#include <sanitizer/lsan_interface.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "tests/support/capi_calls.hpp"
#include "tests/support/capi_catalogs.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const std::vector<std::string> catalogs = [] {
    // The compiler of catalogs keeps the metric pack for ever.
    const __lsan::ScopedDisabler disabler;
    return upswing::testing::CApiCatalogs();
  }();
  upswing::testing::Choices choices({reinterpret_cast<const char*>(data), size});
  upswing::testing::CApiCaller caller(nullptr, catalogs);
  while (!choices.empty()) caller.Call(choices);
  return 0;
}
