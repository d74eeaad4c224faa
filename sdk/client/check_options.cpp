#include "sdk/client/check_options.hpp"

#include <bit>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "sdk/catalog/signature.hpp"

namespace upswing::client {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

class Checker {
 public:
  template <typename T>
  void Range(const char* field, T value, T low, T high, const char* unit) {
    if (value >= low && value <= high) return;
    Fail(absl::StrCat(field, " must be in [", low, ", ", high, "] ", unit, ", is ", value));
  }
  void Range(const char* field, milliseconds value, milliseconds low, milliseconds high) {
    Range(field, static_cast<std::int64_t>(value.count()), static_cast<std::int64_t>(low.count()),
          static_cast<std::int64_t>(high.count()), "ms");
  }
  void PowerOfTwo(const char* field, std::size_t value) {
    if (!std::has_single_bit(value))
      Fail(absl::StrCat(field, " must be a power of two, is ", value));
  }
  void Fail(std::string message) {
    if (status_.ok()) status_ = absl::InvalidArgumentError(message);
  }
  const absl::Status& status() const { return status_; }

 private:
  absl::Status status_;
};

}  // namespace

absl::Status CheckOptions(const ClientOptions& options) {
  Checker check;
  const DeliveryOptions& d = options.delivery;
  constexpr std::size_t kKiB = 1024;
  constexpr std::size_t kMiB = 1024 * kKiB;
  check.Range("delivery.queue_bytes", d.queue_bytes, 64 * kKiB, 64 * kMiB, "bytes");
  check.PowerOfTwo("delivery.queue_bytes", d.queue_bytes);
  check.Range("delivery.flush_interval", d.flush_interval, milliseconds(100), hours(1));
  check.Range<std::uint32_t>("delivery.batch_records", d.batch_records, 1, 10'000, "records");
  check.Range("delivery.batch_bytes", d.batch_bytes, 4 * kKiB, 4 * kMiB, "bytes");
  check.Range("delivery.spool_bytes", d.spool_bytes, 64 * kKiB, 1024 * kMiB, "bytes");
  check.Range("delivery.spool_age", d.spool_age, minutes(1), hours(14 * 24));
  check.Range("delivery.max_backoff", d.max_backoff, milliseconds(100), hours(1));
  check.Range("delivery.request_timeout", d.request_timeout, milliseconds(100), minutes(5));
  check.Range("delivery.metered_interval", d.metered_interval, milliseconds(0), hours(1));
  check.Range("delivery.compression_level", d.compression_level, 1, 19, "");
  check.Range("delivery.exposure_memory", d.exposure_memory, kKiB, 16 * kMiB, "units");
  check.PowerOfTwo("delivery.exposure_memory", d.exposure_memory);
  if (options.catalog.poll_interval != milliseconds(0)) {
    check.Range("catalog.poll_interval", options.catalog.poll_interval, seconds(1), hours(24));
  }
  for (const std::string& key : options.catalog.trusted_keys) {
    const auto parsed = catalog::ParsePublicKey(key);
    if (!parsed.ok())
      check.Fail(absl::StrCat("catalog.trusted_keys: ", key, " ", parsed.status().message()));
  }
  const std::string& cdn = options.catalog.cdn_url;
  if (!cdn.empty() && !absl::StartsWith(cdn, "http://") && !absl::StartsWith(cdn, "https://")) {
    check.Fail("catalog.cdn_url must start with http:// or https://");
  }
  if (!cdn.empty() && options.catalog.trusted_keys.empty()) {
    check.Fail("catalog.cdn_url needs catalog.trusted_keys: only signatures tell what a CDN sends");
  }
  const std::string& url = options.server_url;
  if (!url.empty() && !absl::StartsWith(url, "http://") && !absl::StartsWith(url, "https://")) {
    check.Fail("server_url must start with http:// or https://");
  }
  if (options.transport != nullptr &&
      !(options.proxy.empty() && options.ca_bundle_path.empty() && options.pinned_key.empty())) {
    check.Fail(
        "proxy, ca_bundle_path and pinned_key are for the default transport; leave them empty");
  }
  if (options.transport != nullptr && options.catalog.watch) {
    check.Fail("catalog.watch needs the default transport");
  }
  if (!options.pinned_key.empty() && !absl::StartsWith(options.pinned_key, "sha256//")) {
    check.Fail("pinned_key must start with sha256//");
  }
  for (const std::string* text : {&options.api_key, &url}) {
    if (text->find_first_of("\r\n") != std::string::npos) {
      check.Fail("server_url and api_key must not hold line breaks");
    }
  }
  return check.status();
}

}  // namespace upswing::client
