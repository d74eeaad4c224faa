#include "tests/support/traffic.hpp"

#include <cmath>

#include "sdk/base/hash.hpp"

namespace upswing::testing {
namespace {

std::string Digits(std::uint64_t number) { return std::to_string(number); }

std::string Hex(std::uint64_t hi, std::uint64_t lo) {
  return wire::FormatBatchId({hi, lo, 1}).substr(0, 32);
}

const char* const kEvents[] = {
    "impression", "play",       "dwell",      "impression",  "play",          "dwell",
    "complete",   "impression", "play",       "dwell",       "like",          "product_click",
    "comment",    "share",      "follow",     "add_to_cart", "live_enter",    "live_stay",
    "checkout",   "purchase",   "coupon_use", "refund",      "session_start", "page_view"};
const char* const kExperiments[] = {"one_tap",       "feed_ranking", "product_card",
                                    "coupon_banner", "live_preview", "search_boost",
                                    "autoplay",      "cart_reminder"};
const char* const kCategories[] = {"beauty",  "fashion", "food", "home",
                                   "digital", "sports",  "toys"};
const char* const kSurfaces[] = {"feed", "search", "live", "profile"};

const char* const kTrainingWords[] = {
    "user",    "item",   "open",   "close",  "page",   "screen", "button",   "tap",
    "start",   "stop",   "load",   "error",  "buy",    "order",  "pay",      "store",
    "game",    "level",  "score",  "photo",  "upload", "edit",   "filter",   "sort",
    "result",  "detail", "banner", "widget", "card",   "menu",   "friend",   "invite",
    "message", "send",   "read",   "reply",  "email",  "ticket", "delivery", "track"};
// Equally many, none of the above, for names that the dictionary never saw.
const char* const kUnseenWords[] = {
    "hotel",   "booking",  "cabin",   "flight",  "garden",  "lesson",  "quiz",    "answer",
    "doctor",  "visit",    "yoga",    "workout", "recipe",  "basket",  "chef",    "novel",
    "chapter", "bookmark", "podcast", "episode", "taxi",    "pickup",  "driver",  "route",
    "wallet",  "deposit",  "budget",  "invoice", "tenant",  "lease",   "puzzle",  "hint",
    "arena",   "guild",    "potion",  "museum",  "gallery", "exhibit", "curator", "donate"};
static_assert(std::size(kTrainingWords) == std::size(kUnseenWords));

}  // namespace

Traffic::Traffic(const TrafficOptions& options)
    : options_(options), random_(base::Mix(options.seed)), word_seed_(options.seed) {
  user_ = "u-" + Digits(10'000'000 + Pick(89'000'000));
  device_ = Hex(random_(), random_());
  boot_ms_ = 10'000'000 + static_cast<std::int64_t>(Pick(500'000'000));
  wall_offset_ = 1'795'000'000'000 + static_cast<std::int64_t>(Pick(2'592'000'000ULL)) - boot_ms_;
  epoch_hi_ = random_();
  epoch_lo_ = random_();
  boot_id_ = random_() >> 32;
}

std::string Traffic::Name(const std::string& pack_name) {
  if (options_.names == TrafficOptions::Names::kPack) return pack_name;
  const auto& words =
      options_.names == TrafficOptions::Names::kTraining ? kTrainingWords : kUnseenWords;
  // One or two words, the same for the same name and seed.
  const std::uint64_t bits = base::Mix(base::Hash64(pack_name) ^ base::Mix(word_seed_ + 99));
  std::string name = words[(bits >> 8) % std::size(kTrainingWords)];
  if (bits % 3 != 0) name += std::string("_") + words[(bits >> 24) % std::size(kTrainingWords)];
  return name;
}

TrafficRecord Traffic::Next() {
  TrafficRecord record;
  // Pauses between a user's actions: log-normal around 2 s. Servers see records every few
  // milliseconds.
  std::lognormal_distribution<double> pause(options_.one_user ? std::log(2000.0) : std::log(4.0),
                                            1.0);
  boot_ms_ += static_cast<std::int64_t>(pause(random_));
  record.boot_ms = boot_ms_;
  if (options_.one_user) {
    record.units = {{"user", user_}, {"device", device_}};
  } else {
    // 40 bits: a user id of 12 decimal digits.
    record.units = {{"user", Digits(100'000'000'000 + random_() % (std::uint64_t{1} << 40))}};
  }
  using wire::ValueType;
  if (Pick(10) == 0) {
    record.is_exposure = true;
    record.name = Name(kExperiments[Pick(std::size(kExperiments))]);
    record.variant = Pick(2) == 0 ? "control" : "treatment";
    record.properties = {{Name("country"), ValueType::kString,
                          options_.one_user ? "CN" : (Pick(4) == 0 ? "HK" : "CN")}};
    return record;
  }
  const std::string kind = kEvents[Pick(std::size(kEvents))];
  record.name = Name(kind);
  if (kind == "impression" || kind == "play") {
    record.properties = {
        {Name("surface"), ValueType::kString, kSurfaces[Pick(8) < 6 ? 0 : Pick(4)]}};
  } else if (kind == "dwell" || kind == "live_stay") {
    std::lognormal_distribution<double> seconds(2.0, 0.8);
    record.value = std::round(seconds(random_) * 10) / 10;
  } else if (kind == "product_click" || kind == "add_to_cart") {
    const std::uint64_t product = Pick(1'000'000);
    record.properties = {
        {Name("product_id"), ValueType::kString, "p" + Digits(1'000'000 + product)},
        {Name("category"), ValueType::kString, kCategories[Pick(7)]}};
    record.id_bits = std::log2(1'000'000);
  } else if (kind == "purchase" || kind == "refund") {
    static constexpr double kPrices[] = {9.9,  19.9, 29.9,  49.0,  59.9,
                                         79.0, 99.0, 129.0, 199.0, 299.0};
    record.value = kPrices[Pick(std::size(kPrices))];
    record.properties = {
        {Name("category"), ValueType::kString, kCategories[Pick(7)]},
        {Name("quantity"), ValueType::kInt64, "", static_cast<std::int64_t>(1 + Pick(3))},
        {Name("coupon"), ValueType::kBool, "", static_cast<std::int64_t>(Pick(2))}};
    record.event_id = random_();
    record.id_bits = 64;
    if (kind == "refund") {
      record.ref_id = random_();
      record.id_bits += 64;
    }
  }
  return record;
}

wire::BatchHeader Traffic::Header() {
  wire::BatchHeader header;
  header.id = {epoch_hi_, epoch_lo_, ++sequence_};
  header.sdk_name = "upswing-cpp";
  header.sdk_version = "0.1.0";
  header.catalog_version = 41;
  header.boot_id = boot_id_;
  header.boot_ms = boot_ms_ + static_cast<std::int64_t>(Pick(30'000));
  header.wall_ms = header.boot_ms + wall_offset_;
  return header;
}

void AddTo(const TrafficRecord& record, wire::Encoder* encoder) {
  std::vector<wire::UnitRef> units;
  for (const auto& [type, id] : record.units) units.push_back({type, id});
  std::vector<wire::Property> properties;
  for (const TrafficRecord::Property& p : record.properties) {
    switch (p.type) {
      case wire::ValueType::kString:
        properties.push_back(wire::Property::String(p.name, p.text));
        break;
      case wire::ValueType::kInt64:
        properties.push_back(wire::Property::Int64(p.name, p.integer));
        break;
      case wire::ValueType::kDouble:
        properties.push_back(wire::Property::Double(p.name, p.number));
        break;
      case wire::ValueType::kBool:
        properties.push_back(wire::Property::Bool(p.name, p.integer != 0));
        break;
    }
  }
  const std::uint32_t subject = encoder->Subject(units);
  if (record.is_exposure) {
    wire::ExposureRecord exposure;
    exposure.subject = subject;
    exposure.experiment = record.name;
    exposure.variant = record.variant;
    exposure.phase = 1;
    exposure.catalog_version = 41;
    exposure.time.millis = record.boot_ms;
    exposure.attributes = properties;
    encoder->AddExposure(exposure);
  } else {
    wire::EventRecord event;
    event.subject = subject;
    event.name = record.name;
    event.value = record.value;
    event.time.millis = record.boot_ms;
    event.properties = properties;
    event.event_id = record.event_id;
    event.ref_id = record.ref_id;
    encoder->AddEvent(event);
  }
}

}  // namespace upswing::testing
