#include "server/store/clickhouse/address.hpp"

#include <algorithm>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace upswing::store {
namespace {

constexpr std::string_view kPlain = "clickhouse://";
constexpr std::string_view kSecure = "clickhouses://";

absl::Status Wrong(std::string_view part, std::string_view fix) {
  return absl::InvalidArgumentError(
      absl::StrCat("--store: ", absl::string_view(part.data(), part.size()), ": ",
                   absl::string_view(fix.data(), fix.size())));
}

bool Decode(std::string_view text, std::string* out) {
  out->clear();
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out->push_back(text[i]);
      continue;
    }
    std::uint32_t byte = 0;
    if (i + 2 >= text.size() ||
        !absl::SimpleHexAtoi(absl::string_view(text.data() + i + 1, 2), &byte))
      return false;
    out->push_back(static_cast<char>(byte));
    i += 2;
  }
  return true;
}

// Names go into SQL as they are.
bool IsName(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](unsigned char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
  });
}

absl::Status ParseHosts(std::string_view text, ClickHouseAddress* address) {
  const absl::string_view list(text.data(), text.size());
  for (const absl::string_view one : absl::StrSplit(list, ',')) {
    ClickHouseAddress::Host host;
    host.port = address->tls ? 8443 : 8123;
    const std::size_t colon = one.rfind(':');
    const bool bare_v6 = !one.empty() && one.front() == '[' && one.back() == ']';
    host.name = std::string(one.substr(0, bare_v6 ? one.npos : colon));
    if (colon != one.npos && !bare_v6) {
      std::uint32_t port = 0;
      if (!absl::SimpleAtoi(one.substr(colon + 1), &port) || port == 0 || port > 65535)
        return Wrong("port", "must be in [1, 65535]");
      host.port = static_cast<std::uint16_t>(port);
    }
    if (host.name.empty()) return Wrong("host", "none is named");
    address->hosts.push_back(std::move(host));
  }
  return absl::OkStatus();
}

absl::Status ParseOption(std::string_view name, std::string_view value,
                         ClickHouseAddress* address) {
  const absl::string_view text(value.data(), value.size());
  std::string decoded;
  if (!Decode(value, &decoded)) return Wrong(name, "has a broken %-code");
  if (name == "cluster") {
    if (!IsName(value)) return Wrong(name, "must be letters, digits and _");
    address->cluster = decoded;
  } else if (name == "quorum") {
    if (!absl::SimpleAtoi(text, &address->quorum) || address->quorum < 1 || address->quorum > 16)
      return Wrong(name, "must be in [1, 16]");
  } else if (name == "ca") {
    address->ca_file = decoded;
  } else if (name == "seconds") {
    if (!absl::SimpleAtoi(text, &address->seconds) || address->seconds < 1 ||
        address->seconds > 86'400)
      return Wrong(name, "must be in [1, 86400]");
  } else if (name == "memory") {
    if (!absl::SimpleAtoi(text, &address->memory) || address->memory < std::int64_t{1} << 27 ||
        address->memory > std::int64_t{1} << 50)
      return Wrong(name, "must be in [134217728, 2^50] bytes");
  } else if (name == "sums") {
    using Sums = ClickHouseAddress::Sums;
    if (value != "auto" && value != "shards" && value != "node")
      return Wrong(name, "must be auto, shards or node");
    address->sums = value == "auto" ? Sums::kAuto : value == "node" ? Sums::kNode : Sums::kShards;
  } else {
    return Wrong(name, "is no option; there are cluster, quorum, ca, seconds, memory, sums");
  }
  return absl::OkStatus();
}

}  // namespace

std::string ClickHouseAddress::ToString() const {
  std::string hosts_text;
  for (const Host& host : hosts)
    absl::StrAppend(&hosts_text, hosts_text.empty() ? "" : ",", host.name, ":", host.port);
  return absl::StrCat(tls ? "clickhouses://" : "clickhouse://", hosts_text, "/", database,
                      cluster.empty() ? "" : "?cluster=", cluster);
}

bool IsClickHouse(std::string_view text) {
  return text.starts_with(kPlain) || text.starts_with(kSecure);
}

absl::StatusOr<ClickHouseAddress> ParseClickHouseAddress(std::string_view text) {
  if (!IsClickHouse(text)) return Wrong("scheme", "must be clickhouse:// or clickhouses://");
  ClickHouseAddress address;
  address.tls = text.starts_with(kSecure);
  text.remove_prefix(address.tls ? kSecure.size() : kPlain.size());
  std::string_view options;
  if (const std::size_t mark = text.find('?'); mark != text.npos) {
    options = text.substr(mark + 1);
    text = text.substr(0, mark);
  }
  if (const std::size_t slash = text.find('/'); slash != text.npos) {
    address.database = std::string(text.substr(slash + 1));
    text = text.substr(0, slash);
    if (!IsName(address.database)) return Wrong("database", "must be letters, digits and _");
  }
  if (const std::size_t at = text.rfind('@'); at != text.npos) {
    const std::string_view who = text.substr(0, at);
    const std::size_t colon = who.find(':');
    if (!Decode(who.substr(0, colon), &address.user) ||
        !Decode(colon == who.npos ? std::string_view() : who.substr(colon + 1), &address.password))
      return Wrong("user", "has a broken %-code");
    text = text.substr(at + 1);
  }
  if (absl::Status status = ParseHosts(text, &address); !status.ok()) return status;
  while (!options.empty()) {
    const std::size_t end = std::min(options.find('&'), options.size());
    const std::string_view option = options.substr(0, end);
    options.remove_prefix(std::min(end + 1, options.size()));
    const std::size_t equals = option.find('=');
    const absl::Status status = ParseOption(
        option.substr(0, equals),
        equals == option.npos ? std::string_view() : option.substr(equals + 1), &address);
    if (!status.ok()) return status;
  }
  return address;
}

}  // namespace upswing::store
