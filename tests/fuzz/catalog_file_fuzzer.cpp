// Catalog files: any text is parsed with problems or without; one without compiles to bytes that
// load.

#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>

#include "sdk/catalog/view.hpp"
#include "server/authoring/compile.hpp"
#include "server/authoring/parse.hpp"
#include "server/authoring/re2_matcher.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace upswing;
  const auto parsed = authoring::Parse({reinterpret_cast<const char*>(data), size});
  if (!parsed.ok()) return 0;
  auto compiled = authoring::Compile(*parsed.model);
  if (!compiled.ok()) return 0;
  catalog::Interner interner;
  const auto view =
      catalog::View::Load(std::make_shared<const std::string>(std::move(compiled->bytes)),
                          {.interner = &interner, .matchers = &authoring::Re2Matchers()});
  if (!view.ok()) std::abort();
  return 0;
}
