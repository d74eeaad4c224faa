// The C interface against a catalog handed in: every entry point, misuse, memory that runs out, and
// that reading allocates nothing.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <mutex>
#include <new>
#include <string>
#include <thread>
#include <vector>

#include "tests/support/catalog_fixture.hpp"
#include "tests/support/process.hpp"
#include "upswing/upswing.h"

namespace {
// Of the calling thread, so that the client's own threads do not disturb. -1: never fails.
thread_local long allocations = 0;
thread_local long fail_after = -1;

void* Allocate(std::size_t size, std::size_t alignment) {
  ++allocations;
  if (fail_after == 0) throw std::bad_alloc();
  if (fail_after > 0) --fail_after;
  void* const memory =
      alignment == 0
          ? std::malloc(size == 0 ? 1 : size)
          : std::aligned_alloc(alignment, (size + alignment - 1) / alignment * alignment);
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}
}  // namespace

void* operator new(std::size_t size) { return Allocate(size, 0); }
void* operator new(std::size_t size, std::align_val_t alignment) {
  return Allocate(size, static_cast<std::size_t>(alignment));
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete(void* memory, std::align_val_t) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t, std::align_val_t) noexcept { std::free(memory); }

namespace upswing::testing {
namespace {

using ::testing::HasSubstr;

constexpr char kFile[] = R"({"project": "p",
  "attributes": {"s": "string", "i": "int", "d": "double", "b": "bool", "t": "time", "l": "strings"},
  "flags": {"bool": {"type": "bool", "default": false}, "int": {"type": "int", "default": -7},
            "double": {"type": "double", "default": 0.5}, "string": {"type": "string", "default": "text"},
            "json": {"type": "json", "default": {"a": 1}}},
  "experiments": {
    "all": {"status": "running", "unit": "user", "control": "on", "variants": {"on": {"set": {"bool": true}}}},
    "targeted": {"status": "running", "unit": "user", "control": "x", "variants": {"x": {}},
      "when": {"all": [{"attribute": "s", "is": "v"}, {"attribute": "i", "is": 9007199254740993},
        {"attribute": "d", ">": 0.25}, {"attribute": "b", "is": true},
        {"attribute": "t", "is": "2026-11-01T00:00:00Z"}, {"attribute": "l", "has_all": ["p", "q"]}]}}}})";

upswing_str Text(std::string_view text) { return {text.data(), text.size()}; }
std::string String(upswing_str text) { return std::string(text.data, text.len); }

template <class T>
T Sized() {
  T value;
  std::memset(&value, 0xab, sizeof(value));
  value.size = sizeof(value);
  return value;
}

upswing_options Options() {
  upswing_options options;
  EXPECT_EQ(upswing_options_init(&options, sizeof(options)), UPSWING_OK);
  options.poll_interval_ms = 0;
  return options;
}

upswing_client* Create(const upswing_options& options) {
  upswing_client* client = nullptr;
  upswing_text* error = nullptr;
  EXPECT_EQ(upswing_client_create(&options, &client, &error), UPSWING_OK)
      << String(upswing_text_view(error));
  EXPECT_EQ(error, nullptr);
  return client;
}

upswing_subject* User(std::string_view id) {
  upswing_subject* subject = nullptr;
  EXPECT_EQ(upswing_subject_create(&subject), UPSWING_OK);
  EXPECT_EQ(upswing_subject_set_unit(subject, Text("user"), Text(id)), UPSWING_OK);
  return subject;
}

std::uint64_t Queued(upswing_client* client) {
  auto stats = Sized<upswing_stats>();
  EXPECT_EQ(upswing_client_stats(client, &stats), UPSWING_OK);
  return stats.queued;
}

class CInterface : public ::testing::Test {
 protected:
  CInterface() : catalog_(kFile, {.version = 5, .phases = {}}) {
    upswing_options options = Options();
    options.bundled_catalog = Text(catalog_.compiled.bytes);
    client_ = Create(options);
    user_ = User("u-1");
  }
  ~CInterface() override {
    upswing_subject_destroy(user_);
    upswing_client_destroy(client_);
  }

  TestCatalog catalog_;
  upswing_client* client_;
  upswing_subject* user_;
};

TEST_F(CInterface, ReadsEveryTypeOfFlagAndFallsBackToTheCallersValue) {
  EXPECT_EQ(upswing_client_bool(client_, Text("bool"), user_, 0), 1);
  EXPECT_EQ(upswing_client_int(client_, Text("int"), user_, 3), -7);
  EXPECT_EQ(upswing_client_double(client_, Text("double"), user_, 3), 0.5);
  EXPECT_EQ(String(upswing_client_string(client_, Text("string"), user_, Text("x"))), "text");
  EXPECT_EQ(String(upswing_client_json(client_, Text("json"), user_, Text("x"))), "{\"a\":1}");
  // Another type, another key.
  EXPECT_EQ(upswing_client_int(client_, Text("bool"), user_, 3), 3);
  EXPECT_EQ(String(upswing_client_string(client_, Text("json"), user_, Text("x"))), "x");
  EXPECT_EQ(upswing_client_bool(client_, Text("none"), user_, 1), 1);
  // Only the flag that an experiment owns was exposed.
  EXPECT_EQ(Queued(client_), 1u);
}

TEST_F(CInterface, DecidesPeeksAndExposes) {
  auto peeked = Sized<upswing_decision>();
  ASSERT_EQ(upswing_client_peek(client_, Text("all"), user_, &peeked), UPSWING_OK);
  EXPECT_EQ(String(peeked.key), "all");
  EXPECT_EQ(String(peeked.experiment), "all");
  EXPECT_EQ(String(peeked.variant), "on");
  EXPECT_EQ(peeked.variant.data[peeked.variant.len], '\0');
  EXPECT_EQ(String(peeked.unit_type), "user");
  EXPECT_EQ(peeked.reason, UPSWING_REASON_ASSIGNED);
  EXPECT_EQ(String(upswing_reason_name(peeked.reason)), "assigned");
  EXPECT_EQ(peeked.in_experiment, 1);
  EXPECT_LT(peeked.bucket, 1'000'000u);
  EXPECT_EQ(peeked.iteration, 1u);
  EXPECT_EQ(peeked.catalog_version, 5u);
  EXPECT_EQ(Queued(client_), 0u);
  const upswing_decision copy = peeked;
  EXPECT_EQ(upswing_client_expose(client_, &copy, user_), UPSWING_OK);
  EXPECT_EQ(Queued(client_), 1u);

  auto flag = Sized<upswing_decision>();
  ASSERT_EQ(upswing_client_peek_flag(client_, Text("int"), user_, &flag), UPSWING_OK);
  EXPECT_EQ(flag.value.type, UPSWING_TYPE_INT);
  EXPECT_EQ(flag.value.integer, -7);
  EXPECT_EQ(flag.reason, UPSWING_REASON_DEFAULT);
  auto decided = Sized<upswing_decision>();
  upswing_subject* const other = User("u-2");
  ASSERT_EQ(upswing_client_decide(client_, Text("all"), other, &decided), UPSWING_OK);
  EXPECT_EQ(Queued(client_), 2u);
  ASSERT_EQ(upswing_client_decide_flag(client_, Text("none"), other, &decided), UPSWING_OK);
  EXPECT_EQ(decided.reason, UPSWING_REASON_UNKNOWN_KEY);
  EXPECT_EQ(decided.value.type, UPSWING_TYPE_NONE);
  upswing_subject_destroy(other);
}

TEST_F(CInterface, TakesEveryTypeOfAttribute) {
  const upswing_str both[] = {Text("p"), Text("q")};
  upswing_subject_set_string(user_, Text("s"), Text("v"));
  upswing_subject_set_int(user_, Text("i"), 9007199254740993);
  upswing_subject_set_double(user_, Text("d"), 0.5);
  upswing_subject_set_bool(user_, Text("b"), 1);
  upswing_subject_set_time_ms(user_, Text("t"), 1'793'491'200'000);
  upswing_subject_set_strings(user_, Text("l"), both, 2);
  auto decision = Sized<upswing_decision>();
  upswing_client_peek(client_, Text("targeted"), user_, &decision);
  EXPECT_EQ(decision.reason, UPSWING_REASON_ASSIGNED);
  // Each of them counts.
  for (const char* name : {"s", "i", "d", "b", "t", "l"}) {
    upswing_subject* const without = User("u-1");
    upswing_subject_set_string(without, Text("s"), Text("v"));
    upswing_subject_set_int(without, Text("i"), 9007199254740993);
    upswing_subject_set_double(without, Text("d"), 0.5);
    upswing_subject_set_bool(without, Text("b"), 1);
    upswing_subject_set_time_ms(without, Text("t"), 1'793'491'200'000);
    upswing_subject_set_strings(without, Text("l"), both, 2);
    EXPECT_EQ(upswing_subject_remove(without, Text(name)), UPSWING_OK);
    upswing_client_peek(client_, Text("targeted"), without, &decision);
    EXPECT_EQ(decision.reason, UPSWING_REASON_TARGETING) << name;
    upswing_subject_destroy(without);
  }
  EXPECT_EQ(upswing_subject_clear(user_), UPSWING_OK);
  upswing_client_peek(client_, Text("all"), user_, &decision);
  EXPECT_EQ(decision.reason, UPSWING_REASON_MISSING_UNIT);
}

TEST_F(CInterface, ExplainsForPeople) {
  upswing_text* text = nullptr;
  ASSERT_EQ(upswing_client_explain(client_, Text("targeted"), user_, &text), UPSWING_OK);
  EXPECT_THAT(String(upswing_text_view(text)), HasSubstr("targeting"));
  upswing_text_destroy(text);
  EXPECT_EQ(upswing_client_explain(client_, Text("none"), user_, &text), UPSWING_NOT_FOUND);
  EXPECT_EQ(text, nullptr);
}

TEST_F(CInterface, TracksWithPropertiesAndCountsWhatIsInvalid) {
  std::vector<upswing_property> properties(40);
  for (std::size_t i = 0; i < properties.size(); ++i) {
    properties[i].name = Text("name");
    properties[i].value = {static_cast<upswing_type>(1 + i % 4), 1, 2, 3.0, Text("four")};
  }
  auto options = Sized<upswing_track_options>();
  options.properties = properties.data();
  options.time_ms = UPSWING_NOW;
  options.event_id = Text("order-1");
  options.ref_id = Text("");
  for (const std::size_t count : {0u, 4u, 16u, 17u, 40u}) {
    options.property_count = count;
    EXPECT_EQ(upswing_client_track(client_, user_, Text("e"), 1, &options), UPSWING_OK) << count;
  }
  EXPECT_EQ(upswing_client_track(client_, user_, Text("e"), 1, nullptr), UPSWING_OK);
  EXPECT_EQ(Queued(client_), 6u);
  EXPECT_EQ(upswing_client_track(client_, user_, Text("e"), std::nan(""), nullptr), UPSWING_OK);
  auto stats = Sized<upswing_stats>();
  upswing_client_stats(client_, &stats);
  EXPECT_EQ(stats.dropped_invalid, 1u);
  EXPECT_EQ(stats.dropped, 1u);
  // A type that is none, and a time that no clock holds.
  properties[0].value.type = UPSWING_TYPE_JSON;
  options.property_count = 1;
  EXPECT_EQ(upswing_client_track(client_, user_, Text("e"), 1, &options), UPSWING_INVALID_ARGUMENT);
  options.property_count = 0;
  options.time_ms = std::numeric_limits<std::int64_t>::max();
  EXPECT_EQ(upswing_client_track(client_, user_, Text("e"), 1, &options), UPSWING_INVALID_ARGUMENT);
}

TEST_F(CInterface, PutsSuppliedCatalogsInForceAndTellsListeners) {
  struct Seen {
    std::vector<std::uint64_t> versions;
  } seen;
  std::uint64_t number = 0;
  ASSERT_EQ(upswing_client_add_catalog_listener(
                client_,
                [](void* user, std::uint64_t version) {
                  static_cast<Seen*>(user)->versions.push_back(version);
                },
                &seen, &number),
            UPSWING_OK);
  const TestCatalog next(R"({"project": "p", "flags": {"int": {"type": "int", "default": 8}}})",
                         {.version = 6, .phases = {}});
  std::string damaged = next.compiled.bytes;
  damaged[damaged.size() / 2] = static_cast<char>(damaged[damaged.size() / 2] ^ 1);
  EXPECT_EQ(upswing_client_supply_catalog(client_, Text(damaged)), UPSWING_INVALID_ARGUMENT);
  EXPECT_EQ(upswing_client_int(client_, Text("int"), user_, 0), -7);
  EXPECT_EQ(upswing_client_supply_catalog(client_, Text(next.compiled.bytes)), UPSWING_OK);
  EXPECT_EQ(upswing_client_int(client_, Text("int"), user_, 0), 8);
  EXPECT_EQ(seen.versions, std::vector<std::uint64_t>{6});
  EXPECT_EQ(upswing_client_remove_catalog_listener(client_, number), UPSWING_OK);
  EXPECT_EQ(upswing_client_supply_catalog(client_, Text(next.compiled.bytes)), UPSWING_OK);
  EXPECT_EQ(seen.versions.size(), 1u);
}

TEST_F(CInterface, HoldsACatalogBackUntilItIsActivated) {
  upswing_options options = Options();
  options.bundled_catalog = Text(catalog_.compiled.bytes);
  options.apply = UPSWING_APPLY_ON_ACTIVATE;
  upswing_client* const client = Create(options);
  const TestCatalog next(R"({"project": "p", "flags": {"int": {"type": "int", "default": 8}}})",
                         {.version = 6, .phases = {}});
  EXPECT_EQ(upswing_client_supply_catalog(client, Text(next.compiled.bytes)), UPSWING_OK);
  EXPECT_EQ(upswing_client_int(client, Text("int"), user_, 0), -7);
  std::int32_t changed = 0;
  EXPECT_EQ(upswing_client_activate(client, &changed), UPSWING_OK);
  EXPECT_EQ(changed, 1);
  EXPECT_EQ(upswing_client_int(client, Text("int"), user_, 0), 8);
  EXPECT_EQ(upswing_client_activate(client, nullptr), UPSWING_OK);
  upswing_client_destroy(client);
}

TEST_F(CInterface, ForcesOverridesAndHonoursConsent) {
  upswing_options options = Options();
  options.bundled_catalog = Text(catalog_.compiled.bytes);
  const upswing_override forced = {Text("targeted"), Text("x")};
  options.overrides = &forced;
  options.override_count = 1;
  upswing_client* const client = Create(options);
  auto decision = Sized<upswing_decision>();
  upswing_client_peek(client, Text("targeted"), user_, &decision);
  EXPECT_EQ(decision.reason, UPSWING_REASON_FORCED);
  EXPECT_EQ(upswing_client_set_consent(client, UPSWING_CONSENT_DENIED), UPSWING_OK);
  upswing_client_peek(client, Text("targeted"), user_, &decision);
  EXPECT_EQ(decision.reason, UPSWING_REASON_DISABLED);
  EXPECT_EQ(upswing_client_set_consent(client, 3), UPSWING_INVALID_ARGUMENT);
  EXPECT_EQ(upswing_client_set_api_key(client, Text("key")), UPSWING_OK);
  EXPECT_EQ(upswing_client_network_back(client), UPSWING_OK);
  EXPECT_EQ(upswing_client_purge(client), UPSWING_OK);
  upswing_client_destroy(client);
}

TEST_F(CInterface, FlushesToDiskAndClosesForGood) {
  const TemporaryFolder folder;
  upswing_options options = Options();
  const std::string storage = folder / "app";
  options.storage_directory = Text(storage);
  upswing_client* const client = Create(options);
  upswing_client_track(client, user_, Text("e"), 1, nullptr);
  auto result = Sized<upswing_flush_result>();
  EXPECT_EQ(upswing_client_flush(client, 1000, &result), UPSWING_OK);
  EXPECT_EQ(result.sent, 0u);
  EXPECT_EQ(result.kept, 1u);
  EXPECT_EQ(upswing_client_flush(client, -1, &result), UPSWING_INVALID_ARGUMENT);
  EXPECT_EQ(upswing_client_close(client, 0, nullptr), UPSWING_OK);
  upswing_client_track(client, user_, Text("e"), 1, nullptr);
  auto stats = Sized<upswing_stats>();
  upswing_client_stats(client, &stats);
  EXPECT_EQ(stats.dropped, 1u);
  EXPECT_EQ(stats.catalog_age_ms, -1);
  upswing_client_destroy(client);
}

TEST(CInterfaceOptions, NameTheFieldThatIsWrong) {
  upswing_options options = Options();
  options.batch_records = 0;
  upswing_client* client = nullptr;
  upswing_text* error = nullptr;
  EXPECT_EQ(upswing_client_create(&options, &client, &error), UPSWING_INVALID_ARGUMENT);
  EXPECT_EQ(client, nullptr);
  EXPECT_THAT(String(upswing_text_view(error)), HasSubstr("batch_records"));
  upswing_text_destroy(error);
}

// A program compiled against a later header: what it left at 0 is fine, what it set is not.
TEST(CInterfaceOptions, OfALaterVersionAreTakenIfTheyAskForNothingNew) {
  struct {
    upswing_options known;
    std::uint64_t later;
  } options;
  EXPECT_EQ(upswing_options_init(&options.known, sizeof(options)), UPSWING_OK);
  EXPECT_EQ(options.later, 0u);
  upswing_client* client = nullptr;
  EXPECT_EQ(upswing_client_create(&options.known, &client, nullptr), UPSWING_OK);
  upswing_client_destroy(client);
  options.later = 1;
  EXPECT_EQ(upswing_client_create(&options.known, &client, nullptr), UPSWING_INVALID_ARGUMENT);
  options.known.size = 8;
  EXPECT_EQ(upswing_client_create(&options.known, &client, nullptr), UPSWING_INVALID_ARGUMENT);
}

TEST_F(CInterface, RefusesMisuseWithoutTouchingAnything) {
  auto decision = Sized<upswing_decision>();
  const upswing_str null_text = {nullptr, 1};
  EXPECT_EQ(upswing_client_peek(nullptr, Text("all"), user_, &decision), UPSWING_INVALID_ARGUMENT);
  EXPECT_EQ(upswing_client_peek(client_, Text("all"), nullptr, &decision),
            UPSWING_INVALID_ARGUMENT);
  EXPECT_EQ(upswing_client_peek(client_, null_text, user_, &decision), UPSWING_INVALID_ARGUMENT);
  EXPECT_EQ(upswing_client_peek(client_, Text("all"), user_, nullptr), UPSWING_INVALID_ARGUMENT);
  decision.size = 8;
  EXPECT_EQ(upswing_client_peek(client_, Text("all"), user_, &decision), UPSWING_INVALID_ARGUMENT);
  EXPECT_EQ(upswing_client_bool(nullptr, Text("bool"), user_, 1), 1);
  EXPECT_EQ(upswing_client_bool(client_, Text("bool"), nullptr, 0), 0);
  EXPECT_EQ(upswing_client_int(client_, null_text, user_, 4), 4);
  EXPECT_EQ(upswing_subject_set_int(user_, Text(""), 1), UPSWING_INVALID_ARGUMENT);
  EXPECT_EQ(upswing_subject_set_string(user_, Text("s"), null_text), UPSWING_INVALID_ARGUMENT);
  EXPECT_EQ(upswing_subject_set_strings(user_, Text("l"), nullptr, 1), UPSWING_INVALID_ARGUMENT);
  EXPECT_EQ(upswing_subject_set_time_ms(user_, Text("t"), std::numeric_limits<std::int64_t>::min()),
            UPSWING_INVALID_ARGUMENT);
  EXPECT_EQ(upswing_client_create(nullptr, nullptr, nullptr), UPSWING_INVALID_ARGUMENT);
  EXPECT_EQ(upswing_subject_create(nullptr), UPSWING_INVALID_ARGUMENT);
  EXPECT_EQ(upswing_client_add_catalog_listener(client_, nullptr, nullptr, nullptr),
            UPSWING_INVALID_ARGUMENT);
  upswing_client_destroy(nullptr);
  upswing_subject_destroy(nullptr);
  upswing_text_destroy(nullptr);
  EXPECT_EQ(upswing_text_view(nullptr).len, 0u);
  EXPECT_EQ(upswing_reason_name(99).len, 0u);

  // A decision that this client did not make.
  auto garbage = Sized<upswing_decision>();
  EXPECT_EQ(upswing_client_expose(client_, &garbage, user_), UPSWING_INVALID_ARGUMENT);
  upswing_client* const other = Create(Options());
  auto made = Sized<upswing_decision>();
  upswing_client_peek(client_, Text("all"), user_, &made);
  EXPECT_EQ(upswing_client_expose(other, &made, user_), UPSWING_INVALID_ARGUMENT);
  upswing_client_destroy(other);
}

TEST_F(CInterface, ReadsByKeyAsByName) {
  upswing_key flag = {};
  upswing_key all = {};
  ASSERT_EQ(upswing_client_flag_key(client_, Text("int"), &flag), UPSWING_OK);
  ASSERT_EQ(upswing_client_experiment_key(client_, Text("all"), &all), UPSWING_OK);
  EXPECT_EQ(upswing_client_int_by_key(client_, &flag, user_, 3), -7);
  // Another type.
  EXPECT_EQ(upswing_client_bool_by_key(client_, &flag, user_, 1), 1);
  EXPECT_EQ(upswing_client_double_by_key(client_, &flag, user_, 0.25), 0.25);
  EXPECT_EQ(String(upswing_client_json_by_key(client_, &flag, user_, Text("x"))), "x");
  upswing_key string = {};
  ASSERT_EQ(upswing_client_flag_key(client_, Text("string"), &string), UPSWING_OK);
  EXPECT_EQ(String(upswing_client_string_by_key(client_, &string, user_, Text("x"))), "text");

  auto decision = Sized<upswing_decision>();
  ASSERT_EQ(upswing_client_peek_by_key(client_, &all, user_, &decision), UPSWING_OK);
  EXPECT_EQ(String(decision.variant), "on");
  EXPECT_EQ(Queued(client_), 0u);
  ASSERT_EQ(upswing_client_decide_by_key(client_, &all, user_, &decision), UPSWING_OK);
  EXPECT_EQ(Queued(client_), 1u);
  ASSERT_EQ(upswing_client_peek_flag_by_key(client_, &flag, user_, &decision), UPSWING_OK);
  EXPECT_EQ(decision.value.integer, -7);
  ASSERT_EQ(upswing_client_decide_flag_by_key(client_, &flag, user_, &decision), UPSWING_OK);
  EXPECT_EQ(decision.value.integer, -7);

  // A key of nobody, and one of another client.
  const upswing_key none = {};
  EXPECT_EQ(upswing_client_int_by_key(client_, &none, user_, 3), 3);
  EXPECT_EQ(upswing_client_int_by_key(client_, nullptr, user_, 3), 3);
  upswing_client* const other = Create(Options());
  EXPECT_EQ(upswing_client_peek_by_key(other, &all, user_, &decision), UPSWING_INVALID_ARGUMENT);
  upswing_client_destroy(other);
}

TEST_F(CInterface, DecidesForEveryExperiment) {
  upswing_decisions* decisions = nullptr;
  ASSERT_EQ(upswing_decisions_create(&decisions), UPSWING_OK);
  EXPECT_EQ(upswing_decisions_count(decisions), 0u);
  ASSERT_EQ(upswing_client_decide_all(client_, user_, decisions), UPSWING_OK);
  ASSERT_EQ(upswing_decisions_count(decisions), 2u);
  EXPECT_EQ(Queued(client_), 0u);
  auto decision = Sized<upswing_decision>();
  ASSERT_EQ(upswing_decisions_get(decisions, 0, &decision), UPSWING_OK);
  EXPECT_EQ(String(decision.key), "all");
  EXPECT_EQ(String(decision.variant), "on");
  EXPECT_EQ(upswing_client_expose(client_, &decision, user_), UPSWING_OK);
  EXPECT_EQ(Queued(client_), 1u);
  ASSERT_EQ(upswing_decisions_get(decisions, 1, &decision), UPSWING_OK);
  EXPECT_EQ(String(decision.key), "targeted");
  EXPECT_EQ(decision.reason, UPSWING_REASON_TARGETING);
  EXPECT_EQ(upswing_decisions_get(decisions, 2, &decision), UPSWING_NOT_FOUND);
  EXPECT_EQ(upswing_client_decide_all(client_, user_, nullptr), UPSWING_INVALID_ARGUMENT);
  EXPECT_EQ(upswing_decisions_count(nullptr), 0u);
  upswing_decisions_destroy(decisions);
  upswing_decisions_destroy(nullptr);
}

// With a time it is not compared with the unit's last exposure.
TEST_F(CInterface, ExposesAtATimeOfItsOwn) {
  auto decision = Sized<upswing_decision>();
  ASSERT_EQ(upswing_client_peek(client_, Text("all"), user_, &decision), UPSWING_OK);
  EXPECT_EQ(upswing_client_expose_at(client_, &decision, user_, 1'793'491'200'000), UPSWING_OK);
  EXPECT_EQ(upswing_client_expose_at(client_, &decision, user_, 1'793'491'200'000), UPSWING_OK);
  EXPECT_EQ(Queued(client_), 2u);
  EXPECT_EQ(upswing_client_expose_at(client_, &decision, user_, UPSWING_NOW),
            UPSWING_INVALID_ARGUMENT);
}

TEST_F(CInterface, TakesHintsAboutTheNetwork) {
  for (upswing_network hint = UPSWING_NETWORK_UNKNOWN; hint <= UPSWING_NETWORK_UNMETERED; ++hint) {
    EXPECT_EQ(upswing_client_set_network(client_, hint), UPSWING_OK);
  }
  EXPECT_EQ(upswing_client_set_network(client_, 4), UPSWING_INVALID_ARGUMENT);
  EXPECT_EQ(upswing_client_set_network(client_, -1), UPSWING_INVALID_ARGUMENT);
}

// An app's HTTP stack: what it was asked, and what it answers.
struct AppStack {
  std::mutex mutex;
  std::vector<std::string> posted;  // values of Upswing-Batch
  upswing_status answer = UPSWING_OK;
  std::size_t body_bytes = 0;  // of the answer to GET
  int released = 0;
};

upswing_status SendByApp(void* user, const upswing_http_request* request,
                         upswing_http_response* response) {
  auto* const app = static_cast<AppStack*>(user);
  const std::lock_guard lock(app->mutex);
  if (app->answer != UPSWING_OK) return app->answer;
  if (String(request->method) == "GET") {
    upswing_http_response_set_status(response, 404);
    const std::string body(app->body_bytes, 'x');
    return upswing_http_response_add_body(response, Text(body));
  }
  EXPECT_EQ(request->size, sizeof(upswing_http_request));
  EXPECT_GT(request->body.len, 0u);
  EXPECT_THAT(String(request->url), HasSubstr("http://app.test/v1/batches"));
  for (std::size_t i = 0; i < request->header_count; ++i) {
    if (String(request->headers[i].name) != "Upswing-Batch") continue;
    app->posted.push_back(String(request->headers[i].value));
    EXPECT_EQ(upswing_http_response_add_header(response, request->headers[i].name,
                                               request->headers[i].value),
              UPSWING_OK);
  }
  EXPECT_EQ(upswing_http_response_set_status(response, 99), UPSWING_INVALID_ARGUMENT);
  EXPECT_EQ(upswing_http_response_set_status(response, 200), UPSWING_OK);
  return upswing_http_response_add_body(
      response, Text(R"({"accepted":1,"duplicate":false,"conflict":false,"rejected":[]})"));
}

TEST_F(CInterface, DeliversOverTheAppsOwnStack) {
  AppStack app;
  app.answer = UPSWING_UNAVAILABLE;
  upswing_transport transport = {};
  transport.size = sizeof(transport);
  transport.user = &app;
  transport.send = SendByApp;
  transport.release = [](void* user) { ++static_cast<AppStack*>(user)->released; };
  upswing_options options = Options();
  options.bundled_catalog = Text(catalog_.compiled.bytes);
  options.server_url = Text("http://app.test");
  options.transport = &transport;
  options.max_backoff_ms = 100;

  // What the library refuses stays the caller's.
  options.batch_records = 0;
  upswing_client* client = nullptr;
  EXPECT_EQ(upswing_client_create(&options, &client, nullptr), UPSWING_INVALID_ARGUMENT);
  EXPECT_EQ(app.released, 0);
  options.batch_records = 500;

  client = Create(options);
  transport.size = 0;
  EXPECT_EQ(upswing_client_bool(client, Text("bool"), user_, 0), 1);
  upswing_client_track(client, user_, Text("e"), 1, nullptr);
  for (const upswing_status failure :
       {UPSWING_UNAVAILABLE, UPSWING_TIMEOUT, UPSWING_TOO_LARGE, UPSWING_CANCELLED}) {
    {
      const std::lock_guard lock(app.mutex);
      app.answer = failure;
    }
    auto result = Sized<upswing_flush_result>();
    EXPECT_EQ(upswing_client_flush(client, 50, &result), UPSWING_OK);
    EXPECT_EQ(result.sent, 0u);
    EXPECT_EQ(result.kept, 2u);
  }
  {
    const std::lock_guard lock(app.mutex);
    app.answer = UPSWING_OK;
  }
  auto result = Sized<upswing_flush_result>();
  EXPECT_EQ(upswing_client_close(client, 20'000, &result), UPSWING_OK);
  EXPECT_EQ(result.sent, 2u);
  EXPECT_FALSE(app.posted.empty());
  EXPECT_EQ(app.released, 0);
  upswing_client_destroy(client);
  EXPECT_EQ(app.released, 1);

  transport.size = sizeof(transport);
  transport.send = nullptr;
  EXPECT_EQ(upswing_client_create(&options, &client, nullptr), UPSWING_INVALID_ARGUMENT);
  EXPECT_EQ(upswing_http_response_set_status(nullptr, 200), UPSWING_INVALID_ARGUMENT);
  EXPECT_EQ(upswing_http_response_add_header(nullptr, Text("a"), Text("b")),
            UPSWING_INVALID_ARGUMENT);
  EXPECT_EQ(upswing_http_response_add_body(nullptr, Text("a")), UPSWING_INVALID_ARGUMENT);
}

TEST_F(CInterface, ReadsAllocateNothing) {
  auto decision = Sized<upswing_decision>();
  upswing_key key = {};
  upswing_client_flag_key(client_, Text("int"), &key);
  upswing_decisions* all = nullptr;
  upswing_decisions_create(&all);
  const auto round = [&](const std::string& id) {
    upswing_subject_clear(user_);
    upswing_subject_set_unit(user_, Text("user"), Text(id));
    upswing_subject_set_string(user_, Text("s"), Text("v"));
    upswing_subject_set_int(user_, Text("i"), 3);
    upswing_client_bool(client_, Text("bool"), user_, 0);
    upswing_client_string(client_, Text("string"), user_, Text("x"));
    upswing_client_decide(client_, Text("all"), user_, &decision);
    upswing_client_peek(client_, Text("targeted"), user_, &decision);
    upswing_client_peek_flag(client_, Text("json"), user_, &decision);
    upswing_client_expose(client_, &decision, user_);
    upswing_client_int_by_key(client_, &key, user_, 0);
    upswing_client_decide_all(client_, user_, all);
    upswing_decisions_get(all, 1, &decision);
  };
  round("a-long-id-that-makes-the-buffers-grow-first");
  std::vector<std::string> ids;
  for (int i = 0; i < 100; ++i) ids.push_back("user-" + std::to_string(i));
  const long before = allocations;
  for (const std::string& id : ids) round(id);
  EXPECT_EQ(allocations - before, 0);
  upswing_decisions_destroy(all);
  EXPECT_GE(Queued(client_), 100u);  // the work was done
}

// At each allocation of a call in turn, memory runs out: the call says so, and so does every later
// one on the handle.
TEST_F(CInterface, MemoryThatRunsOutIsACodeAndTheHandleIsGone) {
  const std::string long_id(500, 'x');
  int failures = 0;
  for (long n = 0; n < 100; ++n) {
    upswing_subject* const subject = User("u");
    fail_after = n;
    const upswing_status status = upswing_subject_set_string(subject, Text("name"), Text(long_id));
    fail_after = -1;
    if (status == UPSWING_OK) {
      upswing_subject_destroy(subject);
      break;
    }
    ++failures;
    EXPECT_EQ(status, UPSWING_OUT_OF_MEMORY);
    auto decision = Sized<upswing_decision>();
    EXPECT_EQ(upswing_client_peek(client_, Text("all"), subject, &decision), UPSWING_OUT_OF_MEMORY);
    EXPECT_EQ(upswing_client_bool(client_, Text("bool"), subject, 0), 0);
    upswing_subject_destroy(subject);
  }
  EXPECT_GT(failures, 0);

  upswing_text* text = nullptr;
  fail_after = 0;
  EXPECT_EQ(upswing_client_explain(client_, Text("all"), user_, &text), UPSWING_OUT_OF_MEMORY);
  fail_after = -1;
  EXPECT_EQ(text, nullptr);
  EXPECT_EQ(upswing_client_bool(client_, Text("bool"), user_, 0), 0);
  auto stats = Sized<upswing_stats>();
  EXPECT_EQ(upswing_client_stats(client_, &stats), UPSWING_OUT_OF_MEMORY);
  // Destroying it leaves it behind, on purpose; a leak checker finds it here.
  [[maybe_unused]] static upswing_client* volatile left_behind;
  left_behind = client_;
}

TEST(CInterfaceVersion, IsTheLibrarys) {
  EXPECT_EQ(upswing_abi_version(), UPSWING_ABI_VERSION);
  EXPECT_THAT(String(upswing_version()), ::testing::MatchesRegex("[0-9]+[.][0-9]+[.][0-9]+"));
}

}  // namespace
}  // namespace upswing::testing
