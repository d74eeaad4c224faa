// Decisions beside the floor of any evaluator: one seeded XXH3 of the id and one look-up of a key
// among 1,000 in an absl::flat_hash_map. Bars: DESIGN section 7.
//
//   assignment_benchmark                      times, by Google Benchmark
//   assignment_benchmark --instructions NAME  runs one loop of 20,000 for callgrind (see run
//   script)

#define XXH_INLINE_ALL
#include <absl/container/flat_hash_map.h>
#include <benchmark/benchmark.h>
#include <xxhash.h>

#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <functional>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include "sdk/assignment/evaluate.hpp"
#include "sdk/base/hash.hpp"
#include "sdk/catalog/current.hpp"
#include "server/authoring/allocate.hpp"
#include "tests/benchmark/assignment_catalogs.hpp"
#include "tests/support/catalog_fixture.hpp"

namespace upswing::benchmark {
namespace {

constexpr int kExperiments = 1000;
constexpr int kSubjects = 256;
constexpr std::int64_t kNow = 1'794'000'000'000;  // 2026-11-06, inside every schedule

std::vector<std::string> Ids() {
  std::vector<std::string> ids;
  for (int i = 0; i < kSubjects; ++i) {
    char id[32];
    std::snprintf(id, sizeof(id), "user-%015llu",
                  static_cast<unsigned long long>(base::Mix(static_cast<std::uint64_t>(i)) %
                                                  1000000000000000ULL));
    ids.emplace_back(id);
  }
  return ids;
}

// Keys in an order that does not favour the cache.
std::vector<std::string> Keys() {
  std::vector<std::string> keys;
  for (int i = 0; i < kExperiments; ++i) {
    char key[32];
    std::snprintf(key, sizeof(key), "experiment_%05d", i * 617 % kExperiments);
    keys.emplace_back(key);
  }
  return keys;
}

void SetAttributes(Subject& subject) {
  subject.Set("country", "FR").Set("app_version", "8.10.1").Set("age", 34);
  subject.Set("os", "android").Set("os_version", "14").Set("language", "zh").Set("member", true);
  subject.Set("orders", 12).Set("spend", 129.5).Set("channel", "organic");
}

const std::vector<Subject>& Subjects() {
  static const std::vector<Subject>* const subjects = [] {
    auto* const out = new std::vector<Subject>;
    for (const std::string& id : Ids()) {
      out->emplace_back("user", id);
      SetAttributes(out->back());
    }
    return out;
  }();
  return *subjects;
}

testing::TestCatalog& Catalog(Shape shape, int count = kExperiments) {
  static std::map<std::pair<Shape, int>, std::unique_ptr<testing::TestCatalog>> catalogs;
  auto& catalog = catalogs[{shape, count}];
  if (catalog == nullptr) {
    const auto allocated = authoring::Allocate(CatalogFile(count, shape, false));
    if (!allocated.ok()) std::abort();
    catalog = std::make_unique<testing::TestCatalog>(allocated->text);
  }
  return *catalog;
}

struct Floor {
  std::vector<std::string> ids = Ids();
  std::vector<std::string> keys = Keys();
  absl::flat_hash_map<std::string, int> map;
  std::uint64_t sum = 0;
  Floor() {
    for (const std::string& key : keys) map[key] = static_cast<int>(map.size());
  }
  void operator()(std::size_t i) {
    const std::string& id = ids[i % kSubjects];
    sum += XXH3_64bits_withSeed(id.data(), id.size(), 0x1234);
    sum += static_cast<std::uint64_t>(map.find(absl::string_view(keys[i % kExperiments]))->second);
  }
};

/// Decides by name through the published snapshot, as a client's `Peek` does.
struct Peek {
  explicit Peek(Shape shape) : keys(Keys()), subjects(Subjects()) {
    current.Publish({Catalog(shape).view, kNow});
  }
  void operator()(std::size_t i) {
    const catalog::Snapshot* const snapshot = current.Read();
    const Decision decision =
        assignment::DecideExperiment(*snapshot->view, keys[i % kExperiments],
                                     subjects[i % kSubjects], {.now_ms = snapshot->now_ms});
    ::benchmark::DoNotOptimize(&decision);
    assigned += decision.in_experiment() ? 1 : 0;
  }
  std::vector<std::string> keys;
  const std::vector<Subject>& subjects;
  catalog::Current current;
  std::uint64_t assigned = 0;
};

struct ByHandle : Peek {
  explicit ByHandle(Shape shape) : Peek(shape) {
    const auto view = current.Read()->view;
    for (const std::string& key : keys) {
      handles.push_back(view->ExperimentHandle(Catalog(shape).interner.Intern(key)));
    }
  }
  void operator()(std::size_t i) {
    const catalog::Snapshot* const snapshot = current.Read();
    const Decision decision = assignment::DecideExperiment(
        *snapshot->view, *snapshot->view->FindExperiment(handles[i % kExperiments]),
        subjects[i % kSubjects], {.now_ms = snapshot->now_ms});
    ::benchmark::DoNotOptimize(&decision);
  }
  std::vector<KeyHandle> handles;
};

struct All {
  explicit All(Shape shape) : view(*Catalog(shape, 100).view), subjects(Subjects()) {}
  void operator()(std::size_t i) {
    assignment::DecideAll(view, subjects[i % kSubjects], {.now_ms = kNow}, decisions);
    ::benchmark::DoNotOptimize(decisions.data());
  }
  const catalog::View& view;
  const std::vector<Subject>& subjects;
  std::vector<Decision> decisions;
};

/// One id and 10 attributes into a subject that is used again.
struct BuildSubject {
  std::vector<std::string> ids = Ids();
  Subject subject;
  void operator()(std::size_t i) {
    subject.Clear();
    subject.SetUnit("user", ids[i % kSubjects]);
    SetAttributes(subject);
    ::benchmark::DoNotOptimize(&subject);
  }
};

template <class Loop>
void Measure(::benchmark::State& state, Loop& loop) {
  std::size_t i = 0;
  for (auto _ : state) loop(i++);
}

// Two readers for a fixed time, while a third thread publishes 100 times a second.
double ReadersPerSecond(int readers, bool publish) {
  catalog::Current current;
  testing::TestCatalog& catalog = Catalog(Shape::kTraffic);
  current.Publish({catalog.view, kNow});
  const std::vector<std::string> keys = Keys();
  const std::vector<Subject>& subjects = Subjects();
  std::atomic<bool> stop{false};
  std::atomic<std::uint64_t> total{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < readers; ++t) {
    threads.emplace_back([&, t] {
      std::uint64_t done = 0;
      for (std::size_t i = static_cast<std::size_t>(t) * 77;
           !stop.load(std::memory_order_relaxed);) {
        for (int k = 0; k < 64; ++k, ++i, ++done) {
          const catalog::Snapshot* const snapshot = current.Read();
          const Decision decision =
              assignment::DecideExperiment(*snapshot->view, keys[i % kExperiments],
                                           subjects[i % kSubjects], {.now_ms = snapshot->now_ms});
          ::benchmark::DoNotOptimize(&decision);
        }
      }
      total += done;
    });
  }
  const auto begin = std::chrono::steady_clock::now();
  const auto end = begin + std::chrono::milliseconds(1000);
  while (std::chrono::steady_clock::now() < end) {
    if (publish) current.Publish({catalog.view, kNow});
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  stop = true;
  for (std::thread& thread : threads) thread.join();
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - begin;
  return static_cast<double>(total) / seconds.count();
}

void BM_Threads(::benchmark::State& state) {
  for (auto _ : state) {
    const double one = ReadersPerSecond(1, true);
    const double two = ReadersPerSecond(2, true);
    state.counters["one_per_s"] = one;
    state.counters["two_per_s"] = two;
    state.counters["ratio"] = two / one;
  }
}

void BM_Load(::benchmark::State& state) {
  const auto allocated =
      authoring::Allocate(CatalogFile(kExperiments, Shape::kSplit, state.range(0) != 0));
  const testing::TestCatalog catalog(allocated->text);
  const auto bytes = std::make_shared<const std::string>(catalog.compiled.bytes);
  std::size_t resident = 0;
  for (auto _ : state) {
    catalog::Interner interner;
    const auto view = catalog::View::Load(bytes, {.interner = &interner});
    if (!view.ok()) std::abort();
    resident = (*view)->resident_bytes() + interner.bytes();
  }
  state.counters["catalog_bytes"] = static_cast<double>(bytes->size());
  state.counters["resident_per_experiment"] = static_cast<double>(resident) / kExperiments;
}

template <class Loop, class... Args>
void Add(const char* name, Args... args) {
  ::benchmark::RegisterBenchmark(name, [args...](::benchmark::State& state) {
    Loop loop(args...);
    Measure(state, loop);
  });
}

// Callgrind counts what happens inside this function only.
template <class Loop>
[[gnu::noinline]] void CountedLoop(Loop& loop) {
  for (std::size_t i = 0; i < 20'000; ++i) loop(i);
  asm volatile("" ::: "memory");
}

template <class Loop, class... Args>
int Count(Args... args) {
  Loop loop(args...);
  for (std::size_t i = 0; i < 20'000; ++i) loop(i);  // warm
  CountedLoop(loop);
  return 0;
}

int CountInstructions(const std::string& name) {
  if (name == "floor") return Count<Floor>();
  if (name == "peek_split") return Count<Peek>(Shape::kSplit);
  if (name == "peek_traffic") return Count<Peek>(Shape::kTraffic);
  if (name == "peek_targeted") return Count<Peek>(Shape::kTargeted);
  if (name == "handle_split") return Count<ByHandle>(Shape::kSplit);
  if (name == "build_subject") return Count<BuildSubject>();
  std::fprintf(stderr, "unknown loop %s\n", name.c_str());
  return 2;
}

}  // namespace
}  // namespace upswing::benchmark

int main(int argc, char** argv) {
  using namespace upswing::benchmark;
  if (argc == 3 && std::strcmp(argv[1], "--instructions") == 0) return CountInstructions(argv[2]);
  Add<Floor>("floor");
  Add<Peek>("peek_split", Shape::kSplit);
  Add<Peek>("peek_traffic", Shape::kTraffic);
  Add<Peek>("peek_targeted", Shape::kTargeted);
  Add<ByHandle>("handle_split", Shape::kSplit);
  Add<All>("decide_all_100", Shape::kSplit);
  Add<All>("decide_all_100_traffic", Shape::kTraffic);
  Add<BuildSubject>("build_subject");
  ::benchmark::RegisterBenchmark("load_1000", BM_Load)
      ->Arg(0)
      ->Arg(1)
      ->Unit(::benchmark::kMicrosecond);
  ::benchmark::RegisterBenchmark("threads", BM_Threads)->Iterations(1)->UseRealTime();
  ::benchmark::Initialize(&argc, argv);
  ::benchmark::RunSpecifiedBenchmarks();
  return 0;
}
