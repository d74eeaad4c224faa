#include "server/cli/simulate_studies.hpp"

#include <algorithm>
#include <cstdio>
#include <string>
#include <vector>

#include "sdk/base/hash.hpp"
#include "server/report/words.hpp"
#include "server/simulation/life.hpp"
#include "server/statistics/compare.hpp"
#include "server/statistics/designs.hpp"

namespace upswing::cli {
namespace {

constexpr int kRoomsPerRun = 100;
constexpr std::size_t kNotesInList = 10;

// Whether the two arms differ at 5 %.
absl::StatusOr<bool> Differ(const statistics::MomentSums (&arms)[2], bool ratio) {
  const auto control = arms[0].Reduce();
  const auto treatment = arms[1].Reduce();
  if (!control.ok()) return control.status();
  if (!treatment.ok()) return treatment.status();
  const auto result = statistics::Compare(*control, *treatment, {.shape = {.ratio = ratio}});
  if (!result.ok()) return result.status();
  return result->raw.absolute.ok() && result->raw.absolute->p_value < 0.05;
}

}  // namespace

absl::Status CountFalsePositives(const simulation::LiveShop& shop, std::uint64_t runs,
                                 std::uint64_t seed) {
  std::uint64_t by_viewer = 0;
  std::uint64_t by_room = 0;
  for (std::uint64_t run = 0; run < runs; ++run) {
    statistics::MomentSums viewers[2] = {statistics::MomentSums(1), statistics::MomentSums(1)};
    statistics::MomentSums rooms[2] = {statistics::MomentSums(2), statistics::MomentSums(2)};
    simulation::SeededLuck luck(seed, run);
    for (int room = 0; room < kRoomsPerRun; ++room) {
      const std::size_t arm = luck.Chance(0.5) ? 1 : 0;
      const double mood = simulation::DrawMood(shop, luck);
      const int size =
          shop.fewest_viewers + static_cast<int>(luck.Uniform(static_cast<std::uint32_t>(
                                    shop.most_viewers - shop.fewest_viewers + 1)));
      double buyers = 0;
      for (int v = 0; v < size; ++v) {
        const std::size_t tier = simulation::DrawTier(shop, luck);
        const bool buys = simulation::DrawViewer(shop, tier, mood, false, luck).buys;
        viewers[arm].Add(buys ? 1 : 0);
        buyers += buys ? 1 : 0;
      }
      const double row[2] = {buyers, static_cast<double>(size)};
      rooms[arm].Add(row);
    }
    const auto naive = Differ(viewers, false);
    if (!naive.ok()) return naive.status();
    const auto robust = Differ(rooms, true);
    if (!robust.ok()) return robust.status();
    by_viewer += *naive;
    by_room += *robust;
  }
  const auto share = [runs](std::uint64_t n) {
    return report::Percent(static_cast<double>(n) / static_cast<double>(runs));
  };
  std::printf(
      "%s A/A tests of %d rooms each, where no coupon is handed out. Of them differ at p < "
      "0.05:\n  viewers compared as if each were randomised alone  %s\n  rooms compared, as "
      "they were randomised             %s\n",
      report::Count(static_cast<std::int64_t>(runs)).c_str(), kRoomsPerRun,
      share(by_viewer).c_str(), share(by_room).c_str());
  return absl::OkStatus();
}

absl::Status Interleave(const simulation::World& world, std::uint64_t users, std::uint64_t seed) {
  if (world.variants.size() != 2)
    return absl::InvalidArgumentError("$.experiment.variants: interleaving compares two");
  const simulation::Portraits portraits(world);
  const simulation::RateTable rates(world, portraits);
  const auto topics = static_cast<std::int64_t>(world.topics);
  const auto interest_of = [&](std::size_t portrait) {
    const auto a = world.AttributeIndex("interest");
    return a ? static_cast<std::int64_t>(portraits.value(portrait, *a)) % topics : 0;
  };
  std::vector<statistics::Credit> credits;
  for (std::uint64_t user = 0; user < users; ++user) {
    simulation::SeededLuck luck(seed, user);
    const std::size_t portrait = portraits.At(luck.Next());
    const std::int64_t own = interest_of(portrait);
    // A note is its topic, and a number that makes it one of its kind. A ranking puts a note of the
    // user's own topic into each place with its rate of them.
    std::vector<std::int64_t> rankings[2];
    for (std::size_t v = 0; v < 2; ++v) {
      const double focus = At(rates.After(portrait, v, 0), simulation::Stage::kNoteFocus);
      for (std::size_t place = 0; place < 2 * kNotesInList; ++place) {
        std::int64_t topic = own;
        if (!luck.Chance(focus)) {
          topic = static_cast<std::int64_t>(luck.Uniform(static_cast<std::uint32_t>(topics - 1)));
          topic += topic >= own ? 1 : 0;
        }
        rankings[v].push_back((static_cast<std::int64_t>(2 * place + v)) * topics + topic);
      }
    }
    statistics::Credit credit;
    const auto list =
        statistics::InterleaveTeams(rankings[0], rankings[1], kNotesInList, base::Mix(seed ^ user));
    // Notes of the own topic are opened twice as often.
    const double opens = At(rates.Before(portrait), simulation::Stage::kNoteView);
    for (const statistics::InterleavedItem& item : list) {
      const double chance = std::min(1.0, opens * (item.item % topics == own ? 2 : 1));
      if (luck.Chance(chance)) ++(item.by_treatment ? credit.treatment : credit.control);
    }
    credits.push_back(credit);
  }
  const auto result = statistics::CompareRankers(credits);
  if (!result.ok()) return result.status();
  std::printf(
      "%s users saw one list each, interleaved from \"%s\" and \"%s\".\n  preference for "
      "%s  %s (%s to %s), p = %s; %s users without a preference\n",
      report::Count(static_cast<std::int64_t>(users)).c_str(), world.variants[0].first.c_str(),
      world.variants[1].first.c_str(), world.variants[1].first.c_str(),
      report::SignedPercent(result->preference.estimate).c_str(),
      report::SignedPercent(result->preference_interval.lower).c_str(),
      report::SignedPercent(result->preference_interval.upper).c_str(),
      report::PValue(result->preference_p).c_str(), report::Count(result->ties).c_str());
  return absl::OkStatus();
}

}  // namespace upswing::cli
