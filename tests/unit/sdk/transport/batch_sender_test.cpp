#include "sdk/transport/batch_sender.hpp"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/fake_platform.hpp"

namespace upswing::transport {
namespace {

using ::testing::HasSubstr;
using ::testing::Pair;
using ::testing::UnorderedElementsAre;

const wire::BatchId kId{1, 2, 3};
constexpr char kGoodBody[] = R"({"accepted":3,"duplicate":false,"conflict":false,"rejected":[]})";

HttpResponse Ours(int status, std::string body = "") {
  return {status, {{"upswing-batch", wire::FormatBatchId(kId)}}, std::move(body)};
}

TEST(Judge, DeliveredNeedsTheBatchesIdAndABodyThatIsAnAnswer) {
  const SendResult result = Judge(kId, Ours(200, kGoodBody));
  EXPECT_EQ(result.verdict, Verdict::kDelivered);
  EXPECT_EQ(result.answer.accepted, 3u);
  EXPECT_TRUE(result.error.ok());
  EXPECT_EQ(Judge(kId, Ours(200, "<html>")).verdict, Verdict::kRetry);
  EXPECT_EQ(Judge(kId, Ours(200, "")).verdict, Verdict::kRetry);
  EXPECT_EQ(Judge({1, 2, 4}, Ours(200, kGoodBody)).verdict, Verdict::kRetry) << "another batch's";
}

TEST(Judge, BelievesNobodyElseWhateverTheStatus) {
  for (const int status : {200, 204, 301, 302, 400, 401, 403, 404, 407, 413, 429, 500, 503}) {
    const HttpResponse foreign{status, {{"Content-Type", "text/html"}}, kGoodBody};
    EXPECT_EQ(Judge(kId, foreign).verdict, Verdict::kRetry) << status;
  }
}

TEST(Judge, EachStatusOfOurServerMeansWhatTheProtocolSays) {
  EXPECT_EQ(Judge(kId, Ours(400)).verdict, Verdict::kRefused);
  EXPECT_EQ(Judge(kId, Ours(401)).verdict, Verdict::kUnauthorized);
  EXPECT_EQ(Judge(kId, Ours(403)).verdict, Verdict::kUnauthorized);
  EXPECT_EQ(Judge(kId, Ours(413)).verdict, Verdict::kSplit);
  // Statuses that this version does not know never cost a batch.
  for (const int status : {201, 204, 302, 404, 408, 409, 422, 429, 500, 502, 503, 504, 599}) {
    EXPECT_EQ(Judge(kId, Ours(status)).verdict, Verdict::kRetry) << status;
  }
}

TEST(Judge, RetryAfterCountsInSecondsOnlyAndUpToADay) {
  const auto after = [](const char* text) {
    return Judge(kId, {503, {{"Retry-After", text}}, ""}).retry_after_s;
  };
  EXPECT_EQ(after("7"), 7);
  EXPECT_EQ(after("0"), 0);
  EXPECT_EQ(after("86401"), 86400);
  EXPECT_EQ(after("99999999999999999999999"), 86400);
  EXPECT_EQ(after("-1"), std::nullopt);
  EXPECT_EQ(after("1.5"), std::nullopt);
  EXPECT_EQ(after("Fri, 31 Dec 2027 23:59:59 GMT"), std::nullopt) << "needs a clock to trust";
}

TEST(Judge, OnlyOurServerMayPauseOrSlowUs) {
  HttpResponse ours = Ours(200, kGoodBody);
  ours.headers.emplace_back("Upswing-Pause", "60");
  ours.headers.emplace_back("Upswing-Flush-Interval", "300");
  const SendResult result = Judge(kId, ours);
  EXPECT_EQ(result.verdict, Verdict::kDelivered);
  EXPECT_EQ(result.pause_s, 60);
  EXPECT_EQ(result.flush_interval_s, 300);
  const SendResult foreign =
      Judge(kId, {200, {{"Upswing-Pause", "60"}, {"Upswing-Flush-Interval", "9"}}, kGoodBody});
  EXPECT_EQ(foreign.pause_s, std::nullopt);
  EXPECT_EQ(foreign.flush_interval_s, std::nullopt);
}

TEST(BatchSender, SendsWhatTheProtocolSaysAndNoMore) {
  testing::FakeClock clock;
  clock.wall_ms = 1'795'000'000'123;
  clock.boot_ms = 42;
  clock.boot_id = 0xABC;
  testing::ScriptedTransport transport([](const auto&) { return Ours(200, kGoodBody); });
  BatchSender sender(&transport, &clock);
  const SendResult result =
      sender.Send({"http://host/prefix", "secret", std::chrono::seconds(3)}, kId, "bytes");
  EXPECT_EQ(result.verdict, Verdict::kDelivered);
  const auto sent = transport.sent().at(0);
  EXPECT_EQ(sent.method, "POST");
  EXPECT_EQ(sent.url, "http://host/prefix/v1/batches");
  EXPECT_EQ(sent.body, "bytes");
  EXPECT_THAT(sent.headers,
              UnorderedElementsAre(Pair("Authorization", "Bearer secret"),
                                   Pair("Content-Type", "application/vnd.upswing.batch"),
                                   Pair("Upswing-Batch", wire::FormatBatchId(kId)),
                                   Pair("Upswing-Sent-At", "1795000000123 42 abc")));
  // The bar of DESIGN section 7: at most 200 bytes of headers beside the key.
  std::size_t bytes = 0;
  for (const auto& [name, value] : sent.headers) bytes += name.size() + value.size() + 4;
  EXPECT_LE(bytes - std::string("secret").size(), 200u);
}

TEST(BatchSender, NoResponseIsTriedAgainAndSaysWhy) {
  testing::FakeClock clock;
  testing::ScriptedTransport transport([](const auto&) -> absl::StatusOr<HttpResponse> {
    return absl::DeadlineExceededError("too slow");
  });
  const SendResult result = BatchSender(&transport, &clock).Send({"http://h", "", {}}, kId, "b");
  EXPECT_EQ(result.verdict, Verdict::kRetry);
  EXPECT_THAT(std::string(result.error.message()), HasSubstr("too slow"));
  EXPECT_EQ(transport.sent().at(0).Header("Authorization"), "") << "no key, no header";
}

}  // namespace
}  // namespace upswing::transport
