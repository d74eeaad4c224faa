#include "server/simulation/rooms.hpp"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/civil_time.h"
#include "sdk/base/hash.hpp"
#include "server/json/document.hpp"

namespace upswing::simulation {
namespace {

constexpr std::int64_t kDayMs = 86'400'000;
constexpr std::size_t kRecordsPerBatch = 20'000;

absl::Status Invalid(const std::string& path, std::string_view what) {
  return absl::InvalidArgumentError(absl::StrCat(path, ": ", std::string(what)));
}

double NumberOf(const json::Node& node, std::string_view key) {
  const json::Node* number = node.Find(key);
  return number != nullptr && number->is_number() ? number->as_double() : NAN;
}

}  // namespace

absl::StatusOr<std::optional<LiveShop>> ReadLiveShop(std::string_view text) {
  const auto parsed = json::Parse(text);
  if (!parsed.ok()) return parsed.status();
  const json::Node* root = parsed->root.Find("live_shop");
  if (root == nullptr) return std::optional<LiveShop>();
  LiveShop shop;
  absl::CivilDay start(2026, 3, 2);
  const std::pair<std::string_view, double*> numbers[] = {{"purchase", &shop.purchase},
                                                          {"amount", &shop.amount},
                                                          {"stay", &shop.stay},
                                                          {"coupon_use", &shop.coupon_use},
                                                          {"coupon_depth", &shop.coupon_depth}};
  const std::pair<std::string_view, int*> wholes[] = {{"days", &shop.days},
                                                      {"rooms", &shop.rooms},
                                                      {"fewest_viewers", &shop.fewest_viewers},
                                                      {"most_viewers", &shop.most_viewers}};
  for (const json::Member& member : root->members()) {
    const std::string path = json::PathOf("$.live_shop", member.key);
    const json::Node& node = member.value;
    bool known = member.key == "moods" || member.key == "tiers" || member.key == "start";
    for (const auto& [key, field] : numbers) {
      if (key != member.key) continue;
      known = true;
      if (!node.is_number() || node.as_double() < 0)
        return Invalid(path, "must be a number from 0 on");
      *field = node.as_double();
    }
    for (const auto& [key, field] : wholes) {
      if (key != member.key) continue;
      known = true;
      if (node.as_int().value_or(0) < 1) return Invalid(path, "must be a whole number above 0");
      *field = static_cast<int>(*node.as_int());
    }
    if (!known) return Invalid(path, "unknown key");
    if (member.key == "start" && !absl::ParseCivilTime(node.as_string(), &start))
      return Invalid(path, "must be a date like \"2026-03-02\"");
    for (const json::Node& mood : node.items())
      shop.moods.push_back({NumberOf(mood, "share"), NumberOf(mood, "factor")});
    if (member.key != "tiers") continue;
    for (const json::Member& tier : node.members()) {
      const json::Node* experiment = tier.value.Find("experiment");
      shop.tiers.push_back({tier.key, NumberOf(tier.value, "share"),
                            experiment == nullptr ? "" : experiment->as_string(),
                            NumberOf(tier.value, "effect")});
    }
  }
  shop.start_ms = (start - absl::CivilDay(1970, 1, 1)) * kDayMs;
  double moods = 0;
  double tiers = 0;
  double most = 0;
  for (const auto& mood : shop.moods) {
    moods += mood.share;
    for (const auto& tier : shop.tiers)
      most = std::max(most, shop.purchase * mood.factor * std::max(1.0, 1 + tier.effect));
  }
  for (const auto& tier : shop.tiers) tiers += tier.share;
  if (!(std::fabs(moods - 1) < 1e-9))
    return Invalid("$.live_shop.moods", "shares must add up to 1");
  if (!(std::fabs(tiers - 1) < 1e-9))
    return Invalid("$.live_shop.tiers", "shares must add up to 1");
  if (!(most <= 1)) return Invalid("$.live_shop.purchase", "comes to more than 1 in some rooms");
  if (shop.most_viewers < shop.fewest_viewers)
    return Invalid("$.live_shop.most_viewers", "is below fewest_viewers");
  return shop;
}

LiveTruth LiveTruthOf(const LiveShop& shop, std::size_t tier, bool coupon) {
  double mood = 0;
  for (const LiveShop::Mood& m : shop.moods) mood += m.share * m.factor;
  LiveTruth truth;
  truth.purchase_conversion = shop.purchase * mood * (coupon ? 1 + shop.tiers[tier].effect : 1);
  truth.gmv = truth.purchase_conversion * shop.amount;
  truth.coupon_cost = coupon ? truth.gmv * shop.coupon_use * shop.coupon_depth : 0;
  return truth;
}

std::vector<LiveVisit::Event> LiveVisit::Events() const {
  std::vector<Event> events{{Kind::kLiveEnter, 1, time_ms}};
  if (coupon) events.push_back({Kind::kCouponIssue, kCouponFaceValue, time_ms + 10'000});
  if (viewer.buys) events.push_back({Kind::kPurchase, viewer.amount, time_ms + 60'000});
  if (viewer.discount > 0) events.push_back({Kind::kCouponUse, viewer.discount, time_ms + 60'000});
  events.push_back({Kind::kLiveStay, viewer.stay, time_ms + 3'600'000});
  return events;
}

absl::Status VisitLiveShop(const LiveShop& shop, std::uint64_t seed, const AssignRoom& assign,
                           const std::function<absl::Status(const LiveVisit&)>& visit) {
  for (int r = 0; r < shop.rooms; ++r) {
    SeededLuck luck(seed, static_cast<std::uint64_t>(r));
    LiveVisit at;
    at.room_number = r;
    at.room = absl::StrCat("r-", seed, "-", r);
    const double mood = DrawMood(shop, luck);
    const auto spread = static_cast<std::uint32_t>(shop.most_viewers - shop.fewest_viewers + 1);
    const int viewers = shop.fewest_viewers + static_cast<int>(luck.Uniform(spread));
    // At noon in UTC, one viewer a second.
    const std::int64_t opens = shop.start_ms + (r % shop.days) * kDayMs + kDayMs / 2;
    for (int v = 0; v < viewers; ++v) {
      at.user = absl::StrCat("u-", seed, "-", r, "-", v);
      at.tier = DrawTier(shop, luck);
      at.time_ms = opens + v * std::int64_t{1000};
      const std::optional<bool> coupon = assign(at.tier, at.room, at.user, at.time_ms);
      if (!coupon) continue;
      at.coupon = *coupon;
      at.viewer = DrawViewer(shop, at.tier, mood, at.coupon, luck);
      if (absl::Status status = visit(at); !status.ok()) return status;
    }
  }
  return absl::OkStatus();
}

absl::Status MakeLiveShop(const LiveShop& shop, std::uint64_t seed, const AssignRoom& assign,
                          const BatchMaker::Take& take) {
  wire::Encoder encoder;
  wire::BatchHeader header;
  header.id = {base::Mix(seed + 0x11fe), base::Mix(seed ^ 0x5409), 0};
  header.sdk_name = "upswing-simulate";
  header.sdk_version = "1";
  header.wall_ms = shop.start_ms;
  const auto flush = [&] {
    ++header.id.sequence;
    Batch batch{header.id, encoder.Finish(header, {.level = 1}),
                static_cast<std::int64_t>(encoder.records())};
    encoder.Clear();
    return take(std::move(batch));
  };
  int room = 0;
  absl::Status status = VisitLiveShop(shop, seed, assign, [&](const LiveVisit& visit) {
    // A batch holds whole rooms.
    if (visit.room_number != room && encoder.records() >= kRecordsPerBatch) {
      if (absl::Status flushed = flush(); !flushed.ok()) return flushed;
    }
    room = visit.room_number;
    const wire::UnitRef units[] = {{"room", visit.room}, {"user", visit.user}};
    const std::uint32_t subject = encoder.Subject(absl::MakeConstSpan(units, 2));
    const wire::Property member =
        wire::Property::String("member_tier", shop.tiers[visit.tier].name);
    encoder.AddExposure({.subject = subject,
                         .experiment = shop.tiers[visit.tier].experiment,
                         .variant = visit.coupon ? "coupon" : "plain",
                         .time = {visit.time_ms, wire::TimeKind::kWall},
                         .attributes = absl::MakeConstSpan(&member, 1)});
    for (const LiveVisit::Event& event : visit.Events()) {
      encoder.AddEvent({.subject = subject,
                        .name = KindName(event.kind),
                        .value = event.value,
                        .time = {event.time_ms, wire::TimeKind::kWall}});
    }
    return absl::OkStatus();
  });
  if (!status.ok()) return status;
  return encoder.records() == 0 ? absl::OkStatus() : flush();
}

}  // namespace upswing::simulation
