#include <gtest/gtest.h>

#include <chrono>
#include <future>
#include <string>
#include <thread>

#include "sdk/wire/batch_encoder.hpp"
#include "server/access/audit.hpp"
#include "server/http/routes.hpp"
#include "server/project/project.hpp"
#include "tests/support/fake_platform.hpp"
#include "tests/support/process.hpp"

// What runs beside the requests, and what a clock that jumps does to it.
namespace upswing::http {
namespace {

constexpr std::int64_t kHour = 60 * 60 * 1000;
constexpr std::int64_t kDay = 24 * kHour;

class Upkeep : public ::testing::Test {
 protected:
  void SetUp() override {
    auto project =
        project::Project::Open({.directory = folder_ / "data", .name = "shop", .clock = &clock_});
    ASSERT_TRUE(project.ok()) << project.status();
    project_ = *std::move(project);
    ASSERT_TRUE(project_->Publish(Catalog("running"), "").ok());
    routes_ = std::make_unique<Routes>(RoutesOptions{
        .project = project_.get(), .clock = &clock_, .entropy = &entropy_, .retention_days = 30});
  }
  void TearDown() override {
    routes_.reset();
    project_->Stop();
  }

  static std::string Catalog(const std::string& status) {
    return R"({"project": "shop", "experiments": {"tap": {"status": ")" + status +
           R"(", "unit": "user", "control": "off",
         "variants": {"off": {"weight": 1}, "on": {"weight": 1}}}}})";
  }

  // One exposure and one event, now; returns the status of the answer.
  int Send(std::uint64_t sequence) {
    wire::Encoder encoder;
    const wire::UnitRef unit{"user", "u-1"};
    wire::ExposureRecord exposure;
    exposure.subject = encoder.Subject(absl::MakeConstSpan(&unit, 1));
    exposure.experiment = "tap";
    exposure.variant = "on";
    exposure.time = {clock_.BootMillis(), wire::TimeKind::kBoot};
    encoder.AddExposure(exposure);
    wire::EventRecord event;
    event.subject = exposure.subject;
    event.name = "play";
    event.time = exposure.time;
    encoder.AddEvent(event);
    wire::BatchHeader header;
    header.id = {1, 2, sequence};
    header.boot_ms = clock_.BootMillis();
    header.wall_ms = clock_.WallMillis();
    return Call("POST", "/v1/batches", encoder.Finish(header, {})).status;
  }

  Response Call(const std::string& method, const std::string& target,
                const std::string& body = "") {
    Request request;
    request.method = method;
    request.headers = {{"host", "localhost"}};
    request.body = body;
    EXPECT_TRUE(ParseTarget(target, &request));
    std::promise<Response> promise;
    routes_->Handle(std::move(request),
                    [&](Response response) { promise.set_value(std::move(response)); });
    return promise.get_future().get();
  }

  std::size_t Count(const std::string& what) {
    const std::string body = Call("GET", "/v1/units/records?type=user&id=u-1").body;
    std::size_t count = 0;
    for (std::size_t at = body.find(what); at != std::string::npos; at = body.find(what, at + 1))
      ++count;
    return count;
  }

  // Lets the work of a tick be done; what came in the background before this is over then.
  void Tick() {
    routes_->Finish();
    Call("GET", "/v1/units/records?type=user&id=none");
  }

  testing::TemporaryFolder folder_;
  testing::FakeClock clock_;
  testing::FakeEntropy entropy_;
  std::unique_ptr<project::Project> project_;
  std::unique_ptr<Routes> routes_;
};

TEST_F(Upkeep, RetentionRemovesOldRecordsButNoExposureOfAnExperimentThatIsNotArchived) {
  ASSERT_EQ(Send(1), 200);
  clock_.Advance(31 * kDay);
  Tick();
  EXPECT_EQ(Count("\"event\""), 0u);
  EXPECT_EQ(Count("\"exposure\""), 1u);
  ASSERT_TRUE(project_->Publish(Catalog("archived"), "").ok());
  clock_.Advance(2 * kHour);
  Tick();
  EXPECT_EQ(Count("\"exposure\""), 0u);
  const auto audit = access::Latest(&project_->store(), 100);
  ASSERT_TRUE(audit.ok());
  int removals = 0;
  for (const access::AuditRecord& entry : *audit)
    removals += entry.action == "records.expire" && entry.actor == "retention" ? 1 : 0;
  EXPECT_EQ(removals, 2);
}

TEST_F(Upkeep, AClockThatJumpsAheadRemovesNothing) {
  ASSERT_EQ(Send(1), 200);
  clock_.wall_ms += 400 * kDay;
  Tick();
  clock_.Advance(2 * kHour);
  Tick();
  EXPECT_EQ(Count("\"event\""), 1u);
  // Put right again, it counts from there.
  clock_.wall_ms -= 400 * kDay;
  Tick();
  clock_.Advance(2 * kDay);
  Tick();
  EXPECT_EQ(Count("\"event\""), 1u);
}

TEST_F(Upkeep, BatchesAndReportsGoOnWhereverTheClockJumps) {
  std::uint64_t sequence = 0;
  for (const std::int64_t jump : {400 * kDay, -800 * kDay, -1 * kHour, 401 * kDay}) {
    clock_.wall_ms += jump;
    Tick();
    EXPECT_EQ(Send(++sequence), 200) << jump;
    EXPECT_EQ(Call("GET", "/v1/experiments/tap/report").status, 200) << jump;
    EXPECT_EQ(Call("POST", "/v1/experiments/tap/ramp", R"({"share": 0.5})").status, 200) << jump;
  }
  EXPECT_EQ(Count("\"event\""), 4u);
}

}  // namespace
}  // namespace upswing::http
