#include "server/simulation/records.hpp"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "sdk/base/hash.hpp"

namespace upswing::simulation {
namespace {

// Small enough that one lost answer repeats little, large enough that ids and names compress well.
constexpr std::size_t kRecordsPerBatch = 20'000;

std::vector<std::string> Numbered(std::string_view prefix, std::size_t count) {
  std::vector<std::string> names;
  for (std::size_t i = 0; i < count; ++i) names.push_back(absl::StrCat(std::string(prefix), i + 1));
  return names;
}

// Devices with wrong clocks were booted this long before the first day that is lived.
constexpr std::int64_t kBootedBefore = 86'400'000;
constexpr std::int64_t kLargestError = 3 * std::int64_t{86'400'000};

std::int64_t BootedAt(const World& world) {
  return world.DayStart(-world.history_days) - kBootedBefore;
}

}  // namespace

// Drawn apart from everything else, so that a world with wrong clocks lives the same lives.
std::optional<std::int64_t> ClockErrorOf(const World& world, std::uint64_t seed,
                                         std::uint64_t number) {
  if (world.wrong_clocks <= 0) return std::nullopt;
  const std::uint64_t draw = base::Mix(base::Mix(seed ^ 0xc10c) ^ base::Mix(number));
  if (static_cast<double>(draw >> 11) * 0x1p-53 >= world.wrong_clocks) return std::nullopt;
  return static_cast<std::int64_t>(base::Mix(draw) % (2 * kLargestError)) - kLargestError;
}

Identity IdentityOf(std::uint64_t seed, std::uint64_t number) {
  const std::string tail = absl::StrCat(seed, "-", number);
  return {"u-" + tail, "d-" + tail};
}

Vocabulary::Vocabulary(const World& world) {
  if (const auto interest = world.AttributeIndex("interest")) {
    for (const Attribute::Value& value : world.portrait[*interest].values)
      categories_.push_back(value.name);
  } else {
    categories_.push_back("all");
  }
  const std::size_t categories = categories_.size();
  creators_ = Numbered("c", categories * static_cast<std::size_t>(world.creators_per_category));
  products_ = Numbered("p", categories * static_cast<std::size_t>(world.products_per_category));
  rooms_ = Numbered("r", static_cast<std::size_t>(world.rooms));
  topics_ = Numbered("t", static_cast<std::size_t>(world.topics));
}

std::size_t Vocabulary::Details(const Happening& h, std::array<Detail, 4>* details) const {
  std::size_t size = 0;
  const auto text = [&](std::string_view name, std::string_view value) {
    (*details)[size++] = {name, value, 0};
  };
  const std::string_view category = categories_[h.category];
  const std::string_view source = h.live ? "live" : "feed";
  switch (h.kind) {
    case Kind::kImpression:
    case Kind::kPlay:
    case Kind::kDwell:
    case Kind::kComplete:
    case Kind::kLike:
    case Kind::kComment:
    case Kind::kShare:
      text("creator", creators_[h.item]);
      text("category", category);
      break;
    case Kind::kFollow:
      text("creator", creators_[h.item]);
      break;
    case Kind::kProductView:
    case Kind::kAddToCart:
      text("product", products_[h.item]);
      text("category", category);
      text("source", source);
      break;
    case Kind::kCheckout:
      text("category", category);
      text("source", source);
      break;
    case Kind::kPurchase:
      (*details)[size++] = {"items", {}, h.items};
      text("category", category);
      text("source", source);
      break;
    case Kind::kRefund:
    case Kind::kTicket:
      text("category", category);
      break;
    case Kind::kLiveEnter:
    case Kind::kLiveStay:
      text("room", rooms_[h.item]);
      break;
    case Kind::kNoteView:
    case Kind::kNoteSave:
      text("topic", topics_[h.item]);
      break;
    default:
      break;
  }
  return size;
}

BatchMaker::BatchMaker(const World& world, std::uint64_t seed, std::vector<std::string> report_by,
                       Assign assign, Take take)
    : world_(world),
      seed_(seed),
      report_by_(std::move(report_by)),
      assign_(std::move(assign)),
      take_(std::move(take)),
      calendar_(world),
      portraits_(world),
      rates_(world, portraits_),
      vocabulary_(world) {}

absl::StatusOr<std::int64_t> BatchMaker::Add(std::uint64_t first, std::uint64_t count) {
  if (!first_) first_ = first;
  std::int64_t exposed = 0;
  std::vector<wire::Property> attributes;
  for (std::uint64_t number = first; number < first + count; ++number) {
    SeededLuck luck(seed_, number);
    const std::optional<Person> person =
        DrawPerson(world_, calendar_, portraits_, rates_, number, luck);
    if (!person) continue;
    const Identity identity = IdentityOf(seed_, number);
    const std::int64_t t0 = world_.DayStart(person->entry_day) + person->habit_ms;
    const std::optional<Assigned> assigned = assign_(*person, identity, t0);
    if (!assigned) continue;
    ++exposed;
    life_.clear();
    const auto keep = [this](const Happening& happening) { life_.push_back(happening); };
    Life<SeededLuck, decltype(keep)>(world_, calendar_, rates_, luck, keep)
        .Run(*person, portraits_, assigned->variant);

    const std::optional<std::int64_t> clock_error = ClockErrorOf(world_, seed_, number);
    Lane& lane = clock_error ? own_ : person->offline ? late_ : prompt_;
    Lane& again = clock_error ? own_ : late_;
    // By device until the first order, then by both ids.
    const bool by_device = world_.unit == "device";
    const wire::UnitRef units[] = {{"device", identity.device}, {"user", identity.user}};
    const wire::UnitRef user{"user", identity.user};
    const auto subject_of = [&](wire::Encoder* encoder, bool known) {
      if (!by_device) return encoder->Subject(absl::MakeConstSpan(&user, 1));
      return encoder->Subject(absl::MakeConstSpan(units, known ? 2 : 1));
    };
    bool known = !person->anonymous;
    attributes.clear();
    for (const std::string& name : report_by_) {
      if (const auto a = world_.AttributeIndex(name))
        attributes.push_back(wire::Property::String(
            name, world_.portrait[*a].values[portraits_.value(person->portrait, *a)].name));
    }
    std::uint32_t subject = subject_of(&lane.encoder, known);
    lane.encoder.AddExposure({.subject = subject,
                              .experiment = world_.experiment,
                              .variant = world_.variants[assigned->variant].first,
                              .iteration = assigned->iteration,
                              .phase = assigned->phase,
                              .reason = assigned->reason,
                              .catalog_version = assigned->catalog_version,
                              .time = TimeOf(&lane, t0),
                              .attributes = attributes});
    for (const Happening& happening : life_) {
      const bool twice = luck.Chance(world_.duplicates);
      AddEvent(happening, *person, &lane, subject, twice);
      if (twice) AddEvent(happening, *person, &again, subject_of(&again.encoder, known), true);
      if (happening.kind == Kind::kPurchase && !known) {
        known = true;
        subject = subject_of(&lane.encoder, known);
      }
    }
    if (clock_error) {
      if (absl::Status status = Flush(&own_, 2, *clock_error); !status.ok()) return status;
    }
    // A batch holds whole users: subjects are numbered within it.
    for (Lane* full : {&prompt_, &late_}) {
      if (full->encoder.records() < kRecordsPerBatch) continue;
      if (absl::Status status = Flush(full, full == &late_ ? 1 : 0); !status.ok()) return status;
    }
  }
  return exposed;
}

void BatchMaker::AddEvent(const Happening& happening, const Person& person, Lane* lane,
                          std::uint32_t subject, bool with_id) {
  std::array<Vocabulary::Detail, 4> details;
  const std::size_t size = vocabulary_.Details(happening, &details);
  std::array<wire::Property, 4> properties;
  for (std::size_t i = 0; i < size; ++i) {
    properties[i] = details[i].text.empty()
                        ? wire::Property::Int64(details[i].name, details[i].number)
                        : wire::Property::String(details[i].name, details[i].text);
  }
  const auto id_of = [&](std::uint32_t id) {
    return id == 0 ? 0
                   : std::max<std::uint64_t>(
                         base::Mix(base::Mix(seed_ ^ base::Mix(person.number)) + id), 1);
  };
  const bool named = happening.kind == Kind::kPurchase || happening.kind == Kind::kTicket;
  lane->encoder.AddEvent({.subject = subject,
                          .name = KindName(happening.kind),
                          .value = happening.value,
                          .time = TimeOf(lane, happening.time_ms),
                          .properties = absl::MakeConstSpan(properties.data(), size),
                          .event_id = named || with_id ? id_of(happening.id) : 0,
                          .ref_id = id_of(happening.ref)});
}

// What the lane's devices stamp a record with: true wall time, or the clock since boot.
wire::RecordTime BatchMaker::TimeOf(const Lane* lane, std::int64_t time_ms) const {
  if (lane != &own_) return {time_ms, wire::TimeKind::kWall};
  return {time_ms - BootedAt(world_), wire::TimeKind::kBoot};
}

absl::Status BatchMaker::Flush(Lane* lane, std::uint64_t number, std::int64_t clock_error_ms) {
  wire::BatchHeader header;
  header.id = {base::Mix(seed_ + 0xba7c4), base::Mix(*first_ ^ base::Mix(number + 1)),
               ++lane->sequence};
  header.sdk_name = "upswing-simulate";
  header.sdk_version = "1";
  header.wall_ms = world_.start_ms;
  if (lane == &own_) {
    // Every device was booted by itself. It forms its batch when it has lived.
    const std::int64_t formed = world_.DayStart(world_.enrol_days + world_.follow_days + 1);
    header.boot_id = base::Mix(seed_ ^ base::Mix(lane->sequence)) | 1;
    header.boot_ms = formed - BootedAt(world_);
    header.wall_ms = formed + clock_error_ms;
  }
  Batch batch{header.id, lane->encoder.Finish(header, {.level = 1}),
              static_cast<std::int64_t>(lane->encoder.records()), clock_error_ms};
  lane->encoder.Clear();
  return take_(std::move(batch));
}

absl::Status BatchMaker::Finish() {
  for (Lane* lane : {&prompt_, &late_}) {
    if (lane->encoder.records() == 0) continue;
    if (absl::Status status = Flush(lane, lane == &late_ ? 1 : 0); !status.ok()) return status;
  }
  return absl::OkStatus();
}

}  // namespace upswing::simulation
