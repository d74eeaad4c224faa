#include "server/ingest/convert.hpp"

#include <algorithm>
#include <limits>

#include "sdk/wire/time.hpp"

namespace upswing::ingest {
namespace {

constexpr std::uint32_t kNotYet = 0xffffffff;

// Copies strings into the pool when they are first used.
class Strings {
 public:
  Strings(const wire::Batch& batch, ConvertScratch* scratch, store::Records* records)
      : batch_(batch), pool_(scratch->pool), records_(records) {
    pool_.assign(batch.strings.size(), kNotYet);
  }
  std::uint32_t operator()(std::uint32_t index) {
    std::uint32_t& number = pool_[index];
    if (number == kNotYet) number = records_->strings.Intern(batch_.strings[index]);
    return number;
  }

 private:
  const wire::Batch& batch_;
  std::vector<std::uint32_t>& pool_;
  store::Records* records_;
};

void CopyProperties(const wire::PropertyColumns& from, std::size_t row, Strings* strings,
                    store::Properties* to) {
  if (!from.first.empty()) {
    const auto begin = static_cast<std::ptrdiff_t>(to->name.size());
    for (std::uint32_t p = from.first[row]; p < from.first[row + 1]; ++p) {
      const std::uint32_t name = (*strings)(from.name[p]);
      // A name that a record has twice counts once: the first.
      if (std::find(to->name.begin() + begin, to->name.end(), name) != to->name.end()) continue;
      const auto type = static_cast<store::PropertyType>(from.type[p]);
      to->name.push_back(name);
      to->type.push_back(type);
      to->bits.push_back(type == store::PropertyType::kString
                             ? (*strings)(static_cast<std::uint32_t>(from.bits[p]))
                             : from.bits[p]);
    }
  }
  to->first.push_back(static_cast<std::uint32_t>(to->name.size()));
}

}  // namespace

void Convert(const wire::Batch& batch, const ConvertContext& context, ConvertScratch* scratch,
             store::Records* records) {
  records->Clear();
  Strings strings(batch, scratch, records);
  scratch->refused.assign(batch.records(), false);
  for (const wire::Problem& problem : batch.problems) scratch->refused[problem.record] = true;

  store::Records::Subjects& subjects = records->subjects;
  scratch->erased_at.assign(batch.subjects.size(), std::numeric_limits<std::int64_t>::min());
  for (std::size_t s = 0; s < batch.subjects.size(); ++s) {
    const std::size_t begin = subjects.key.size();
    for (std::uint32_t p = batch.subjects.first[s]; p < batch.subjects.first[s + 1]; ++p) {
      const std::string_view type = batch.strings[batch.subjects.unit_type[p]];
      const std::string_view id = batch.strings[batch.subjects.unit_id[p]];
      const std::uint32_t number = strings(batch.subjects.unit_type[p]);
      // One id of a type per subject: the first.
      if (type.empty() || id.empty() ||
          std::find(subjects.unit_type.begin() + static_cast<std::ptrdiff_t>(begin),
                    subjects.unit_type.end(), number) != subjects.unit_type.end())
        continue;
      const std::uint64_t key = context.hasher->Key(type, id);
      subjects.unit_type.push_back(number);
      subjects.key.push_back(key);
      if (context.erased == nullptr) continue;
      // A tombstone is of the key of its time.
      for (std::size_t links = context.hasher->links(); links > 0; --links) {
        const std::uint64_t then =
            links == context.hasher->links() ? key : context.hasher->KeyOf(type, id, links);
        if (const auto at = context.erased->ErasedAt(type, then); at.has_value())
          scratch->erased_at[s] = std::max(scratch->erased_at[s], *at);
      }
    }
    subjects.first.push_back(static_cast<std::uint32_t>(subjects.key.size()));
  }

  const auto sequence = static_cast<std::uint32_t>(batch.header.id.sequence & 0xffff) << 16;
  const auto time_of = [&](std::int64_t time, wire::TimeKind kind) {
    return wire::ResolveTime(time, kind, context.boot_offset, context.receive_ms);
  };

  const wire::ExposureColumns& x = batch.exposures;
  store::Records::Exposures& to_x = records->exposures;
  for (std::size_t i = 0; i < x.size(); ++i) {
    if (scratch->refused[i]) continue;
    const std::int64_t time = time_of(x.time_ms[i], x.time_kind[i]);
    if (time <= scratch->erased_at[x.subject[i]]) continue;
    to_x.subject.push_back(x.subject[i]);
    to_x.experiment.push_back(strings(x.experiment[i]));
    to_x.variant.push_back(strings(x.variant[i]));
    to_x.iteration.push_back(x.iteration[i]);
    to_x.phase.push_back(x.phase[i]);
    to_x.order.push_back(sequence | static_cast<std::uint32_t>(std::min<std::size_t>(i, 0xffff)));
    to_x.reason.push_back(x.reason[i]);
    to_x.catalog_version.push_back(x.catalog_version[i]);
    to_x.time_ms.push_back(time);
    CopyProperties(x.attributes, i, &strings, &to_x.attributes);
  }

  const wire::EventColumns& e = batch.events;
  store::Records::Events& to_e = records->events;
  for (std::size_t i = 0; i < e.size(); ++i) {
    if (scratch->refused[x.size() + i]) continue;
    const std::int64_t time = time_of(e.time_ms[i], e.time_kind[i]);
    if (time <= scratch->erased_at[e.subject[i]]) continue;
    to_e.subject.push_back(e.subject[i]);
    to_e.name.push_back(strings(e.name[i]));
    to_e.order.push_back(sequence | static_cast<std::uint32_t>(std::min<std::size_t>(i, 0xffff)));
    to_e.value.push_back(e.value[i]);
    to_e.time_ms.push_back(time);
    to_e.event_id.push_back(e.event_id[i]);
    to_e.ref_id.push_back(e.ref_id[i]);
    CopyProperties(e.properties, i, &strings, &to_e.properties);
  }
}

}  // namespace upswing::ingest
