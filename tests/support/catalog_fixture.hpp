#pragma once

#include <cstdlib>
#include <iostream>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "sdk/catalog/interner.hpp"
#include "sdk/catalog/view.hpp"
#include "server/authoring/compile.hpp"
#include "server/authoring/parse.hpp"
#include "server/authoring/re2_matcher.hpp"

namespace upswing::testing {

/// A catalog for deciding, from the text of a catalog file. The interner outlives the view.
struct TestCatalog {
  explicit TestCatalog(std::string_view json, const authoring::CompileOptions& options = {}) {
    const authoring::ParseResult parsed = authoring::Parse(json);
    for (const json::Problem& problem : parsed.problems) {
      if (problem.severity == json::Problem::Severity::kError) {
        std::cerr << problem.ToString() << "\n" << json << "\n";
        std::abort();
      }
    }
    auto compiled_or = authoring::Compile(*parsed.model, options);
    if (!compiled_or.ok()) {
      std::cerr << compiled_or.status() << "\n";
      std::abort();
    }
    compiled = *std::move(compiled_or);
    auto loaded = catalog::View::Load(
        std::make_shared<const std::string>(compiled.bytes),
        {.interner = &interner, .blobs = compiled.blobs, .matchers = &authoring::Re2Matchers()});
    if (!loaded.ok()) {
      std::cerr << loaded.status() << "\n" << json << "\n";
      std::abort();
    }
    view = *std::move(loaded);
  }

  catalog::Interner interner;
  authoring::Compiled compiled;
  std::shared_ptr<const catalog::View> view;
};

}  // namespace upswing::testing
