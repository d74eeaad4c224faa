// The C interface: any sequence of calls with any arguments within its contract.
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "tests/support/capi_calls.hpp"
#include "tests/support/capi_catalogs.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const std::vector<std::string> catalogs = upswing::testing::CApiCatalogs();
  upswing::testing::Choices choices({reinterpret_cast<const char*>(data), size});
  upswing::testing::CApiCaller caller(nullptr, catalogs);
  while (!choices.empty()) caller.Call(choices);
  return 0;
}
