#include "server/simulation/world.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/civil_time.h"
#include "server/json/document.hpp"

namespace upswing::simulation {
namespace {

constexpr std::string_view kBuiltIn =
#include "server/simulation/worlds/short_video_shop.inc"
    ;

constexpr std::array<std::string_view, kStages> kNames = {"open",
                                                          "more_sessions",
                                                          "impression",
                                                          "play",
                                                          "dwell",
                                                          "complete",
                                                          "like",
                                                          "comment",
                                                          "share",
                                                          "follow",
                                                          "focus",
                                                          "product_view",
                                                          "add_to_cart",
                                                          "checkout",
                                                          "purchase",
                                                          "amount",
                                                          "more_items",
                                                          "coupon_issue",
                                                          "coupon_use",
                                                          "coupon_depth",
                                                          "points_use",
                                                          "points",
                                                          "member_join",
                                                          "refund",
                                                          "ticket",
                                                          "reply",
                                                          "live_enter",
                                                          "live_stay",
                                                          "live_product_view",
                                                          "note_view",
                                                          "note_save",
                                                          "note_focus"};

// Replies come within ten hours, so that they fall into the day of their ticket.
constexpr double kSlowestReply = 24'000;

std::optional<Stage> StageOf(std::string_view name) {
  const auto found = std::find(kNames.begin(), kNames.end(), name);
  if (found == kNames.end()) return std::nullopt;
  return static_cast<Stage>(found - kNames.begin());
}

class Reader {
 public:
  explicit Reader(World* world) : world_(world) {}
  const absl::Status& status() const { return status_; }

  void Read(const json::Node& root) {
    if (!root.is_object()) return Fail("$", "must be an object");
    for (const json::Member& member : root.members()) {
      const std::string path = json::PathOf("$", member.key);
      const json::Node& node = member.value;
      if (member.key == "description") continue;
      if (member.key == "experiment") {
        Experiment(node, path);
      } else if (member.key == "start") {
        Start(node, path);
      } else if (member.key == "timezone_hours") {
        world_->timezone_ms = static_cast<std::int64_t>(Number(node, path, -12, 14) * 3'600'000);
      } else if (member.key == "rates") {
        ReadRates(node, path, 1e9, &world_->rates);
      } else if (member.key == "portrait") {
        Portrait(node, path);
      } else if (member.key == "weekend") {
        world_->weekend = Number(node, path, 0, 3);
      } else if (member.key == "anonymous") {
        world_->anonymous = Number(node, path, 0, 1);
      } else if (member.key == "offline") {
        world_->offline = Number(node, path, 0, 1);
      } else if (member.key == "wrong_clocks") {
        world_->wrong_clocks = Number(node, path, 0, 1);
      } else if (member.key == "duplicates") {
        world_->duplicates = Number(node, path, 0, 1);
      } else if (int* whole = WholeOf(member.key)) {
        *whole = static_cast<int>(Number(node, path, member.key == "history_days" ? 0 : 1, 1000));
      } else {
        Fail(path, "unknown key");
      }
    }
  }

 private:
  void Fail(const std::string& path, std::string_view what) {
    if (status_.ok())
      status_ = absl::InvalidArgumentError(absl::StrCat(path, ": ", std::string(what)));
  }

  int* WholeOf(std::string_view key) {
    const std::pair<std::string_view, int*> all[] = {
        {"enrol_days", &world_->enrol_days},
        {"follow_days", &world_->follow_days},
        {"history_days", &world_->history_days},
        {"slots", &world_->slots},
        {"products_per_category", &world_->products_per_category},
        {"creators_per_category", &world_->creators_per_category},
        {"topics", &world_->topics},
        {"rooms", &world_->rooms}};
    for (const auto& [name, field] : all) {
      if (name == key) return field;
    }
    return nullptr;
  }

  double Number(const json::Node& node, const std::string& path, double low, double high) {
    if (node.is_number() && node.as_double() >= low && node.as_double() <= high)
      return node.as_double();
    Fail(path, absl::StrCat("must be a number from ", low, " to ", high));
    return low;
  }

  std::string Text(const json::Node* node, const std::string& path) {
    if (node != nullptr && node->is_string() && !node->as_string().empty())
      return node->as_string();
    Fail(path, "must be a text that is not empty");
    return "";
  }

  void ReadRates(const json::Node& node, const std::string& path, double high, Rates* rates) {
    for (const json::Member& member : node.members()) {
      const std::optional<Stage> stage = StageOf(member.key);
      if (!stage) return Fail(json::PathOf(path, member.key), "there is no such stage");
      (*rates)[static_cast<std::size_t>(*stage)] =
          Number(member.value, json::PathOf(path, member.key), 0, high);
    }
  }

  void Start(const json::Node& node, const std::string& path) {
    absl::CivilDay day;
    if (!node.is_string() || !absl::ParseCivilTime(node.as_string(), &day))
      return Fail(path, "must be a date like \"2026-03-02\"");
    world_->start_ms = (day - absl::CivilDay(1970, 1, 1)) * 86'400'000;
  }

  // Replaces the attributes named; the others stay.
  void Portrait(const json::Node& node, const std::string& path) {
    for (const json::Member& member : node.members()) {
      const std::string own = json::PathOf(path, member.key);
      Attribute attribute{member.key, {}};
      double total = 0;
      for (const json::Member& entry : member.value.members()) {
        const std::string at = json::PathOf(own, entry.key);
        Attribute::Value value{entry.key, 0, {}};
        value.factors.fill(1);
        if (const json::Node* share = entry.value.Find("share"))
          value.share = Number(*share, json::PathOf(at, "share"), 0, 1);
        if (const json::Node* rates = entry.value.Find("rates"))
          ReadRates(*rates, json::PathOf(at, "rates"), 1000, &value.factors);
        total += value.share;
        attribute.values.push_back(std::move(value));
      }
      if (std::fabs(total - 1) > 1e-9) return Fail(own, "the shares must add up to 1");
      const auto index = world_->AttributeIndex(member.key);
      if (index) {
        world_->portrait[*index] = std::move(attribute);
      } else {
        world_->portrait.push_back(std::move(attribute));
      }
    }
  }

  void Experiment(const json::Node& node, const std::string& path) {
    world_->experiment = Text(node.Find("key"), json::PathOf(path, "key"));
    if (const json::Node* unit = node.Find("unit"))
      world_->unit = Text(unit, json::PathOf(path, "unit"));
    const json::Node* variants = node.Find("variants");
    if (variants == nullptr || variants->members().size() < 2)
      return Fail(json::PathOf(path, "variants"), "must be an object of at least two weights");
    for (const json::Member& variant : variants->members())
      world_->variants.emplace_back(variant.key,
                                    Number(variant.value, json::PathOf(path, variant.key), 0, 1e9));
    const json::Node* effects = node.Find("effects");
    if (effects == nullptr) return;
    for (std::size_t i = 0; i < effects->items().size(); ++i)
      ReadEffect(effects->items()[i], json::PathOf(json::PathOf(path, "effects"), i));
  }

  void ReadEffect(const json::Node& node, const std::string& path) {
    Effect effect;
    effect.variant = Text(node.Find("variant"), json::PathOf(path, "variant"));
    const std::optional<Stage> stage =
        StageOf(Text(node.Find("stage"), json::PathOf(path, "stage")));
    if (!stage) return Fail(json::PathOf(path, "stage"), "there is no such stage");
    effect.stage = *stage;
    const std::pair<std::string_view, double*> numbers[] = {
        {"relative", &effect.relative},
        {"half_life_days", &effect.half_life_days},
        {"stays", &effect.stays},
        {"spill", &effect.spill}};
    for (const json::Member& member : node.members()) {
      const std::string at = json::PathOf(path, member.key);
      if (member.key == "variant" || member.key == "stage") continue;
      if (member.key == "when") {
        for (const json::Member& condition : member.value.members()) {
          std::vector<std::string> values;
          if (condition.value.is_string()) values.push_back(condition.value.as_string());
          for (const json::Node& value : condition.value.items())
            values.push_back(Text(&value, at));
          effect.when.emplace_back(condition.key, std::move(values));
        }
        continue;
      }
      const auto found =
          std::find_if(std::begin(numbers), std::end(numbers),
                       [&](const auto& number) { return number.first == member.key; });
      if (found == std::end(numbers)) return Fail(at, "unknown key");
      *found->second = Number(member.value, at, found->second == &effect.relative ? -1 : 0, 1000);
    }
    world_->effects.push_back(std::move(effect));
  }

  World* world_;
  absl::Status status_;
};

absl::Status CheckEffects(const World& world) {
  for (const Effect& effect : world.effects) {
    const bool known =
        std::any_of(world.variants.begin(), world.variants.end(),
                    [&](const auto& variant) { return variant.first == effect.variant; });
    if (!known)
      return absl::InvalidArgumentError(
          absl::StrCat("$.experiment.effects: there is no variant ", effect.variant));
    for (const auto& [attribute, values] : effect.when) {
      const auto index = world.AttributeIndex(attribute);
      for (const std::string& value : values) {
        const bool there =
            index &&
            std::any_of(world.portrait[*index].values.begin(), world.portrait[*index].values.end(),
                        [&](const Attribute::Value& v) { return v.name == value; });
        if (!there)
          return absl::InvalidArgumentError(absl::StrCat(
              "$.experiment.effects: the portrait has no ", attribute, " \"", value, "\""));
      }
    }
  }
  return absl::OkStatus();
}

// Whom an effect is for.
bool Concerns(const World& world, const Portraits& portraits, std::size_t portrait,
              const Effect& effect) {
  for (const auto& [attribute, values] : effect.when) {
    const std::size_t a = *world.AttributeIndex(attribute);
    const std::string& value = world.portrait[a].values[portraits.value(portrait, a)].name;
    if (std::find(values.begin(), values.end(), value) == values.end()) return false;
  }
  return true;
}

double Novelty(const Effect& effect, int day) {
  if (effect.half_life_days <= 0) return 1;
  return effect.stays + (1 - effect.stays) * std::exp2(-day / effect.half_life_days);
}

}  // namespace

std::string_view StageName(Stage stage) { return kNames[static_cast<std::size_t>(stage)]; }

bool IsChance(Stage stage) {
  switch (stage) {
    case Stage::kDwell:
    case Stage::kAmount:
    case Stage::kPoints:
    case Stage::kReply:
    case Stage::kLiveStay:
      return false;
    default:
      return true;
  }
}

double World::ShareOf(std::size_t variant) const {
  double total = 0;
  for (const auto& [name, weight] : variants) total += weight;
  return variants[variant].second / total;
}

std::optional<std::size_t> World::AttributeIndex(std::string_view name) const {
  for (std::size_t a = 0; a < portrait.size(); ++a) {
    if (portrait[a].name == name) return a;
  }
  return std::nullopt;
}

absl::StatusOr<World> ReadWorld(std::string_view text) { return ReadWorlds({text}); }

absl::StatusOr<World> ReadWorlds(const std::vector<std::string_view>& texts) {
  World world;
  std::vector<std::string_view> sources{kBuiltIn};
  sources.insert(sources.end(), texts.begin(), texts.end());
  for (const std::string_view source : sources) {
    if (source.empty()) continue;
    const auto parsed = json::Parse(source);
    if (!parsed.ok()) return parsed.status();
    Reader reader(&world);
    reader.Read(parsed->root);
    if (!reader.status().ok()) return reader.status();
  }
  world.start_ms -= world.timezone_ms;
  if (absl::Status status = CheckEffects(world); !status.ok()) return status;
  const Portraits portraits(world);
  const RateTable rates(world, portraits);
  if (!rates.impossible().empty()) return absl::InvalidArgumentError(rates.impossible());
  return world;
}

Portraits::Portraits(const World& world) : world_(&world) {
  std::size_t size = 1;
  for (const Attribute& attribute : world.portrait) size *= attribute.values.size();
  double total = 0;
  for (std::size_t p = 0; p < size; ++p) {
    double share = 1;
    for (std::size_t a = 0; a < world.portrait.size(); ++a)
      share *= world.portrait[a].values[value(p, a)].share;
    share_.push_back(share);
    cumulated_.push_back(total += share);
  }
}

std::size_t Portraits::value(std::size_t portrait, std::size_t a) const {
  for (std::size_t i = 0; i < a; ++i) portrait /= world_->portrait[i].values.size();
  return portrait % world_->portrait[a].values.size();
}

std::size_t Portraits::At(double place) const {
  const auto found =
      std::upper_bound(cumulated_.begin(), cumulated_.end(), place * cumulated_.back());
  return std::min<std::size_t>(static_cast<std::size_t>(found - cumulated_.begin()), size() - 1);
}

RateTable::RateTable(const World& world, const Portraits& portraits)
    : variants_(world.variants.size()), days_(static_cast<std::size_t>(world.follow_days)) {
  const bool fades = std::any_of(world.effects.begin(), world.effects.end(),
                                 [](const Effect& effect) { return effect.half_life_days > 0; });
  if (!fades) days_ = 1;
  const auto check = [&](const Rates& rates, std::string_view where) {
    for (std::size_t s = 0; s < kStages; ++s) {
      const auto stage = static_cast<Stage>(s);
      const double weekend = stage == Stage::kOpen ? std::max(1.0, world.weekend) : 1;
      const double most = IsChance(stage)          ? 1 + 1e-12
                          : stage == Stage::kReply ? kSlowestReply
                                                   : 1e12;
      if (rates[s] * weekend > most && impossible_.empty())
        impossible_ = absl::StrCat("$.rates.", std::string(kNames[s]), ": comes to ",
                                   rates[s] * weekend, " for some users", std::string(where));
    }
  };
  for (std::size_t p = 0; p < portraits.size(); ++p) {
    Rates rates = world.rates;
    for (std::size_t a = 0; a < world.portrait.size(); ++a) {
      const Rates& factors = world.portrait[a].values[portraits.value(p, a)].factors;
      for (std::size_t s = 0; s < kStages; ++s) rates[s] *= factors[s];
    }
    if (portraits.share(p) > 0) check(rates, "");
    before_.push_back(rates);
    for (std::size_t v = 0; v < variants_; ++v) {
      for (std::size_t day = 0; day < days_; ++day) {
        Rates after = rates;
        for (const Effect& effect : world.effects) {
          if (!Concerns(world, portraits, p, effect)) continue;
          std::size_t treated = 0;
          while (world.variants[treated].first != effect.variant) ++treated;
          const double part =
              (treated == v ? 1 - effect.spill : 0) + effect.spill * world.ShareOf(treated);
          after[static_cast<std::size_t>(effect.stage)] *=
              1 + effect.relative * part * Novelty(effect, static_cast<int>(day));
        }
        if (portraits.share(p) > 0) check(after, " under an effect");
        after_.push_back(after);
      }
    }
  }
}

const Rates& RateTable::After(std::size_t portrait, std::size_t variant, int day) const {
  const auto d = std::min(static_cast<std::size_t>(day), days_ - 1);
  return after_[(portrait * variants_ + variant) * days_ + d];
}

}  // namespace upswing::simulation
