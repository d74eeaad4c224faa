#pragma once

#include <string>
#include <vector>

#include "tests/support/catalog_fixture.hpp"

namespace upswing::testing {

/// Compiled catalogs for calls of the C interface: two that differ, and one that is none.
inline std::vector<std::string> CApiCatalogs() {
  const std::string head = R"({"project": "p", "attributes": {"s": "string", "user": "int"},
    "holdouts": {"held": {"unit": "user", "share": 0.5}},
    "flags": {"bool": {"type": "bool", "default": false}, "int": {"type": "int", "default": -7},
              "json": {"type": "json", "default": {"a": 1}}, "s": {"type": "string", "default": "t"},
              "device": {"type": "double", "default": 0.5}},
    "experiments": {"all": {"status": "running", "unit": "user", "control": "on",
      "sticky": {"version": 1, "min_version": 0}, "holdout": "held",
      "variants": {"on": {"set": {"bool": true}}, "off": {}}})";
  return {TestCatalog(head + "}}", {.version = 1, .phases = {}}).compiled.bytes,
          TestCatalog(head + R"(, "targeted": {"status": "running", "unit": "device",
            "control": "x", "variants": {"x": {"set": {"int": 3}}},
            "when": {"any": [{"attribute": "s", "is": "s"}, {"attribute": "user", ">": 3}]}}}})",
                      {.version = 2, .phases = {}})
              .compiled.bytes,
          "no catalog"};
}

}  // namespace upswing::testing
