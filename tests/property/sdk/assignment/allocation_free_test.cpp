// Decisions allocate nothing: every way to decide is run under a counting operator new.

#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <new>
#include <string>
#include <vector>

#include "sdk/assignment/evaluate.hpp"
#include "sdk/catalog/current.hpp"
#include "tests/support/catalog_fixture.hpp"

namespace {
std::atomic<long> allocations{0};
}

void* operator new(std::size_t size) {
  ++allocations;
  if (void* const memory = std::malloc(size == 0 ? 1 : size)) return memory;
  std::abort();
}
void* operator new(std::size_t size, std::align_val_t alignment) {
  ++allocations;
  const auto align = static_cast<std::size_t>(alignment);
  if (void* const memory = std::aligned_alloc(align, (size + align - 1) / align * align))
    return memory;
  std::abort();
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete(void* memory, std::align_val_t) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t, std::align_val_t) noexcept { std::free(memory); }

namespace upswing::testing {
namespace {

constexpr char kFile[] = R"({"project": "p",
  "attributes": {"s": "string", "v": "version", "i": "int", "l": "strings"},
  "segments": {"list": {"unit": "user", "ids": ["u1", "u2"]}},
  "layers": {"layer": {"unit": "user"}}, "holdouts": {"h": {"unit": "user", "share": 0.05}},
  "flags": {"f": {"type": "string", "default": "d", "rules": [{"key": "r", "when": {"segment": "list"}, "value": "r"}]}},
  "experiments": {
    "split": {"status": "running", "unit": "user", "control": "a", "variants": {"a": {}, "b": {}}},
    "all": {"status": "running", "unit": "user", "fallback_unit": "device", "sticky": {"version": 1},
      "start": "2026-11-01T00:00:00Z", "holdout": "h", "layer": "layer", "buckets": [[0, 500000]],
      "ramp": [{"at": "2026-11-01T00:00:00Z", "share": 0.9}], "forced": {"b": ["user=qa"]},
      "when": {"all": [{"attribute": "s", "in": ["CN", "HK"]}, {"attribute": "v", ">=": "8.2.0-beta"},
                       {"attribute": "i", ">": 18.5}, {"attribute": "l", "has_any": ["x"]}, {"attribute": "s", "matches": "^C"}]},
      "control": "a", "variants": {"a": {}, "b": {"set": {"f": "b"}}}},
    "after": {"status": "running", "unit": "user", "prerequisites": [{"flag": "f", "is": "b"}], "control": "a", "variants": {"a": {}}},
    "eppo": {"status": "running", "unit": "user", "control": "a", "variants": {"a": {}, "b": {}}, "split": {"scheme": "eppo", "salt": "s"}},
    "gb": {"status": "running", "unit": "user", "control": "a", "variants": {"a": {}, "b": {}}, "split": {"scheme": "growthbook_v2", "salt": "s"}},
    "ld": {"status": "running", "unit": "user", "control": "a", "variants": {"a": {}, "b": {}}, "split": {"scheme": "launchdarkly", "salt": "s"}}}})";

TEST(Decisions, AllocateNothing) {
  const TestCatalog catalog(kFile);
  catalog::Current current;
  current.Publish({catalog.view, 1'794'000'000'000});
  const auto handle = catalog.view->ExperimentHandle(Symbol());
  std::vector<std::string> ids;
  for (int i = 0; i < 1000; ++i)
    ids.push_back("user-with-a-rather-long-id-" + std::to_string(1000 + i));
  Subject subject;
  std::vector<Decision> decisions;
  long assigned = 0;
  const auto round = [&](const std::string& id) {
    subject.Clear();
    subject.SetUnit("user", id).SetUnit("device", "d");
    subject.Set("s", "CN").Set("v", "8.10.0-rc.1+build").Set("i", 20).Set("l", {"w", "x"});
    const catalog::Snapshot* const snapshot = current.Read();
    const assignment::Environment environment{.now_ms = snapshot->now_ms};
    for (const char* key : {"split", "all", "after", "eppo", "gb", "ld", "unknown"}) {
      assigned +=
          assignment::DecideExperiment(*snapshot->view, key, subject, environment).in_experiment();
    }
    assignment::DecideFlag(*snapshot->view, "f", subject, environment);
    snapshot->view->FindExperiment(handle);
    assignment::DecideAll(*snapshot->view, subject, environment, decisions);
  };
  round(ids[0]);  // grows the subject and the list, takes the thread's slot
  const long before = allocations;
  for (const std::string& id : ids) round(id);
  EXPECT_EQ(allocations - before, 0);
  EXPECT_GT(assigned, 4000);  // the work was done
}

}  // namespace
}  // namespace upswing::testing
