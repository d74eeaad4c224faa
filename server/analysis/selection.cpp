#include "server/analysis/selection.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <utility>

namespace upswing::analysis {
namespace {

constexpr std::uint64_t kSign = std::uint64_t{1} << 63;

// Keys compare as the doubles do.
std::uint64_t KeyOf(double value) {
  const auto bits = std::bit_cast<std::uint64_t>(value + 0.0);  // -0 becomes 0
  return (bits & kSign) != 0 ? ~bits : bits | kSign;
}

double ValueOf(std::uint64_t key) {
  return std::bit_cast<double>((key & kSign) != 0 ? key ^ kSign : ~key);
}

}  // namespace

const Narrowing::Range* Selection::RangeOf(std::uint64_t key) const {
  for (const Narrowing::Range& range : narrowing_->ranges)
    if (key >= range.first && key <= range.last) return &range;
  return nullptr;
}

void Selection::Add(double value) {
  ++count_;
  const std::uint64_t key = KeyOf(value);
  if (RangeOf(key) == nullptr) return;
  if (counting_) {
    ++buckets_[key >> bucket_shift()];
    return;
  }
  kept_.push_back(key);
  if (kept_.size() > most_) Count();
}

void Selection::Count() {
  counting_ = true;
  for (const std::uint64_t key : kept_) ++buckets_[key >> bucket_shift()];
  kept_ = {};
}

void Selection::Merge(Selection&& other) {
  count_ += other.count_;
  if (!counting_ && (other.counting_ || kept_.size() + other.kept_.size() > most_)) Count();
  if (!counting_) {
    kept_.insert(kept_.end(), other.kept_.begin(), other.kept_.end());
    return;
  }
  if (!other.counting_) other.Count();
  for (const auto& [bucket, numbers] : other.buckets_) buckets_[bucket] += numbers;
}

bool Selection::Find(const std::vector<std::int64_t>& ranks, std::vector<double>* values,
                     Narrowing* next) {
  values->clear();
  if (!counting_) {
    std::sort(kept_.begin(), kept_.end());
    for (const std::int64_t rank : ranks) {
      for (const Narrowing::Range& range : narrowing_->ranges) {
        const auto begin = std::lower_bound(kept_.begin(), kept_.end(), range.first);
        const auto end = std::upper_bound(begin, kept_.end(), range.last);
        const std::int64_t place = rank - range.below - 1;
        if (place >= 0 && place < end - begin) values->push_back(ValueOf(begin[place]));
      }
    }
    return true;
  }
  std::vector<std::pair<std::uint64_t, std::int64_t>> buckets(buckets_.begin(), buckets_.end());
  std::sort(buckets.begin(), buckets.end());
  Narrowing found{{}, bucket_shift()};
  const Narrowing::Range* range = nullptr;
  std::int64_t below = 0;
  std::size_t at = 0;
  for (const std::int64_t rank : ranks) {
    for (; at < buckets.size(); ++at) {
      const Narrowing::Range* of = RangeOf(buckets[at].first << bucket_shift());
      if (of != range) {
        range = of;
        below = of->below;
      }
      if (below + buckets[at].second >= rank) break;
      below += buckets[at].second;
    }
    const std::uint64_t first = buckets[at].first << bucket_shift();
    if (bucket_shift() == 0) {
      values->push_back(ValueOf(first));
    } else if (found.ranges.empty() || found.ranges.back().first != first) {
      found.ranges.push_back({first, first | ((std::uint64_t{1} << bucket_shift()) - 1), below});
    }
  }
  if (bucket_shift() == 0) return true;
  *next = std::move(found);
  return false;
}

std::int64_t RankAt(double level, std::int64_t count) {
  const double rank = std::ceil(level * static_cast<double>(count));
  return std::clamp(static_cast<std::int64_t>(rank), std::int64_t{1}, count);
}

}  // namespace upswing::analysis
