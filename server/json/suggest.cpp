#include "server/json/suggest.hpp"

#include <algorithm>
#include <cstddef>
#include <vector>

#include "sdk/base/text.hpp"
#include "server/json/document.hpp"

namespace upswing::json {
namespace {

// Optimal string alignment: edits and swaps of neighbours. Source: F. Damerau (1964), "A technique
// for computer detection and correction of spelling errors", CACM 7(3).
std::size_t Distance(std::string_view a, std::string_view b) {
  std::vector<std::vector<std::size_t>> d(a.size() + 1, std::vector<std::size_t>(b.size() + 1));
  for (std::size_t i = 0; i <= a.size(); ++i) d[i][0] = i;
  for (std::size_t j = 0; j <= b.size(); ++j) d[0][j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t change = a[i - 1] == b[j - 1] ? 0 : 1;
      d[i][j] = std::min({d[i - 1][j] + 1, d[i][j - 1] + 1, d[i - 1][j - 1] + change});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
        d[i][j] = std::min(d[i][j], d[i - 2][j - 2] + 1);
      }
    }
  }
  return d[a.size()][b.size()];
}

}  // namespace

std::string DidYouMean(std::string_view name, std::span<const std::string_view> candidates) {
  if (name.size() > 100) return "";
  std::string_view nearest;
  std::size_t best = std::max<std::size_t>(1, name.size() / 3) + 1;
  for (const std::string_view candidate : candidates) {
    if (candidate.size() > 100) continue;
    // "boolean" for "bool", "app" for "app_version".
    const bool prefix = std::min(name.size(), candidate.size()) >= 3 &&
                        (name.starts_with(candidate) || candidate.starts_with(name));
    const std::size_t distance = prefix ? 1 : Distance(name, candidate);
    if (distance < best) {
      best = distance;
      nearest = candidate;
    }
  }
  return nearest.empty() ? "" : base::Concat({"did you mean ", Quote(nearest), "?"});
}

}  // namespace upswing::json
