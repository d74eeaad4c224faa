#include "server/access/key_file.hpp"

#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <openssl/sha.h>

#include <algorithm>
#include <chrono>
#include <thread>
#include <utility>

#include <nlohmann/json.hpp>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace upswing::access {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::string_view kPrefix = "upsk_";
constexpr std::size_t kIdDigits = 16;
constexpr std::size_t kSecretDigits = 64;
constexpr std::int64_t kUseResolutionMs = 60'000;
constexpr std::int64_t kDayMs = std::int64_t{24} * 60 * 60 * 1000;
constexpr int kFormat = 1;

absl::StatusOr<std::string> RandomHex(std::size_t bytes) {
  std::string random(bytes, '\0');
  if (RAND_bytes(reinterpret_cast<unsigned char*>(random.data()), static_cast<int>(bytes)) != 1)
    return absl::UnavailableError("the system has no random bytes");
  return absl::BytesToHexString(random);
}

std::string Sha256Hex(std::string_view text) {
  unsigned char digest[SHA256_DIGEST_LENGTH];
  SHA256(reinterpret_cast<const unsigned char*>(text.data()), text.size(), digest);
  return absl::BytesToHexString(
      absl::string_view(reinterpret_cast<const char*>(digest), sizeof digest));
}

bool IsName(std::string_view name) {
  return !name.empty() && name.size() <= 64 &&
         std::all_of(name.begin(), name.end(), [](unsigned char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                  c == '.' || c == '_' || c == '-';
         });
}

struct MadeSecret {
  KeySecret stored;
  std::string shown;
};

absl::StatusOr<MadeSecret> MakeSecret(std::int64_t now_ms) {
  auto id = RandomHex(kIdDigits / 2);
  if (!id.ok()) return id.status();
  const auto secret = RandomHex(kSecretDigits / 2);
  if (!secret.ok()) return secret.status();
  MadeSecret made;
  made.shown = absl::StrCat(std::string(kPrefix), *id, "_", *secret);
  made.stored = {*std::move(id), Sha256Hex(*secret), now_ms, std::nullopt};
  return made;
}

Json OrNull(const std::optional<std::int64_t>& value) { return value ? Json(*value) : Json(); }

std::optional<std::int64_t> IntegerOf(const Json& json, const char* key) {
  const auto found = json.find(key);
  return found != json.end() && found->is_number_integer()
             ? std::optional(found->get<std::int64_t>())
             : std::nullopt;
}

bool Passed(const std::optional<std::int64_t>& time_ms, std::int64_t now_ms) {
  return time_ms && *time_ms <= now_ms;
}

}  // namespace

KeyFile::KeyFile(std::string directory, port::FileSystem* files, const port::Clock* clock)
    : path_(absl::StrCat(directory, "/keys.json")), files_(files), clock_(clock) {}

absl::StatusOr<std::unique_ptr<KeyFile>> KeyFile::Open(const std::string& directory,
                                                       port::FileSystem* files,
                                                       const port::Clock* clock) {
  std::unique_ptr<KeyFile> keys(new KeyFile(directory, files, clock));
  if (absl::Status status = keys->Refresh(); !status.ok()) return status;
  return keys;
}

absl::StatusOr<KeyFile::Content> KeyFile::Parse(const std::string& text) {
  Content content;
  if (text.empty()) return content;
  const Json json = Json::parse(text, nullptr, false);
  if (!json.is_object() || !json.contains("keys")) return absl::DataLossError("is no list of keys");
  if (json.value("format", 0) > kFormat)
    return absl::FailedPreconditionError("was written by a newer version of Upswing");
  for (const Json& row : json["keys"]) {
    ApiKey key;
    key.name = row.value("name", "");
    for (const Json& scope : row.value("scopes", Json::array())) {
      const auto parsed = scope.is_string() ? ParseScope(scope.get<std::string>()) : std::nullopt;
      if (!parsed) return absl::DataLossError(absl::StrCat("key ", key.name, ": unknown scope"));
      key.scopes.Add(*parsed);
    }
    key.created_ms = row.value("created_ms", std::int64_t{0});
    key.expires_ms = IntegerOf(row, "expires_ms");
    key.revoked_ms = IntegerOf(row, "revoked_ms");
    key.last_used_ms = IntegerOf(row, "last_used_ms");
    if (row.contains("requests_per_second") && row["requests_per_second"].is_number())
      key.requests_per_second = row["requests_per_second"].get<double>();
    key.requests_per_day = IntegerOf(row, "requests_per_day");
    key.spent_day = row.value("spent_day", std::int64_t{0});
    key.spent = row.value("spent", std::int64_t{0});
    for (const Json& secret : row.value("secrets", Json::array())) {
      key.secrets.push_back({secret.value("id", ""), secret.value("sha256", ""),
                             secret.value("created_ms", std::int64_t{0}),
                             IntegerOf(secret, "expires_ms")});
    }
    content.keys.push_back(std::move(key));
  }
  for (const Json& row : json.value("changes", Json::array())) {
    content.changes.push_back({row.value("at_ms", std::int64_t{0}), row.value("actor", ""),
                               row.value("action", ""), row.value("name", ""),
                               row.value("detail", "")});
  }
  return content;
}

std::string KeyFile::Format(const Content& content) {
  Json json = {{"format", kFormat}, {"keys", Json::array()}, {"changes", Json::array()}};
  for (const ApiKey& key : content.keys) {
    Json row = {
        {"name", key.name},
        {"scopes", key.scopes.Names()},
        {"created_ms", key.created_ms},
        {"expires_ms", OrNull(key.expires_ms)},
        {"revoked_ms", OrNull(key.revoked_ms)},
        {"last_used_ms", OrNull(key.last_used_ms)},
        {"requests_per_second", key.requests_per_second ? Json(*key.requests_per_second) : Json()},
        {"requests_per_day", OrNull(key.requests_per_day)},
        {"spent_day", key.spent_day},
        {"spent", key.spent},
        {"secrets", Json::array()}};
    for (const KeySecret& secret : key.secrets) {
      row["secrets"].push_back({{"id", secret.id},
                                {"sha256", secret.sha256},
                                {"created_ms", secret.created_ms},
                                {"expires_ms", OrNull(secret.expires_ms)}});
    }
    json["keys"].push_back(std::move(row));
  }
  for (const KeyChange& change : content.changes) {
    json["changes"].push_back({{"at_ms", change.at_ms},
                               {"actor", change.actor},
                               {"action", change.action},
                               {"name", change.name},
                               {"detail", change.detail}});
  }
  return json.dump(1, ' ', false, Json::error_handler_t::replace) + "\n";
}

absl::StatusOr<KeyFile::Content> KeyFile::Read() {
  absl::StatusOr<std::string> text = files_->ReadAll(path_);
  if (absl::IsNotFound(text.status())) text = "";
  if (!text.ok()) return text.status();
  absl::StatusOr<Content> content = Parse(*text);
  if (!content.ok())
    return absl::Status(content.status().code(),
                        absl::StrCat(path_, " ", content.status().message()));
  return content;
}

absl::Status KeyFile::Refresh() {
  absl::StatusOr<std::string> text = files_->ReadAll(path_);
  if (absl::IsNotFound(text.status())) text = "";
  if (!text.ok()) return text.status();
  {
    const std::lock_guard lock(mutex_);
    if (*text == text_) return absl::OkStatus();
  }
  absl::StatusOr<Content> content = Parse(*text);
  if (!content.ok())
    return absl::Status(content.status().code(),
                        absl::StrCat(path_, " ", content.status().message()));
  const std::lock_guard lock(mutex_);
  text_ = *std::move(text);
  content_ = *std::move(content);
  return absl::OkStatus();
}

absl::Status KeyFile::Update(const std::function<absl::Status(Content&)>& change) {
  std::unique_ptr<port::FileLock> lock;
  for (int attempt = 0; lock == nullptr; ++attempt) {
    auto taken = files_->TryLock(path_ + ".lock");
    if (!taken.ok()) return taken.status();
    lock = *std::move(taken);
    if (lock != nullptr) break;
    if (attempt == 500)
      return absl::UnavailableError(absl::StrCat(path_, ".lock is held by another process"));
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  absl::StatusOr<Content> content = Read();
  if (!content.ok()) return content.status();
  if (absl::Status status = change(*content); !status.ok()) return status;
  std::string text = Format(*content);
  if (absl::Status status = files_->WriteAtomically(path_, text); !status.ok()) return status;
  const std::lock_guard guard(mutex_);
  text_ = std::move(text);
  content_ = *std::move(content);
  return absl::OkStatus();
}

absl::StatusOr<std::string> KeyFile::Create(const NewKey& key, std::string_view actor) {
  if (!IsName(key.name))
    return absl::InvalidArgumentError("name: must be 1 to 64 characters of A-Z a-z 0-9 . _ -");
  if (key.scopes.empty())
    return absl::InvalidArgumentError("scopes: at least one of client, evaluate, read, admin");
  if (key.requests_per_second && !(*key.requests_per_second > 0 && *key.requests_per_second <= 1e6))
    return absl::InvalidArgumentError("requests_per_second: must be in (0, 1000000]");
  if (key.requests_per_day && *key.requests_per_day < 1)
    return absl::InvalidArgumentError("requests_per_day: must be at least 1");
  const std::int64_t now = clock_->WallMillis();
  const absl::StatusOr<MadeSecret> made = MakeSecret(now);
  if (!made.ok()) return made.status();
  const absl::Status status = Update([&](Content& content) -> absl::Status {
    for (const ApiKey& other : content.keys) {
      if (other.name == key.name)
        return absl::AlreadyExistsError(
            absl::StrCat("name: there is a key ", key.name, " already"));
    }
    content.keys.push_back({.name = key.name,
                            .scopes = key.scopes,
                            .created_ms = now,
                            .expires_ms = key.expires_ms,
                            .requests_per_second = key.requests_per_second,
                            .requests_per_day = key.requests_per_day,
                            .secrets = {made->stored}});
    content.changes.push_back(
        {now, std::string(actor), "key.create", key.name,
         absl::StrCat("scopes: ", absl::StrJoin(key.scopes.Names(), ", ",
                                                [](std::string* out, std::string_view s) {
                                                  out->append(s);
                                                }))});
    return absl::OkStatus();
  });
  if (!status.ok()) return status;
  return made->shown;
}

absl::StatusOr<std::string> KeyFile::Rotate(std::string_view name, std::int64_t overlap_ms,
                                            std::string_view actor) {
  const std::int64_t now = clock_->WallMillis();
  const absl::StatusOr<MadeSecret> made = MakeSecret(now);
  if (!made.ok()) return made.status();
  const absl::Status status = Update([&](Content& content) -> absl::Status {
    for (ApiKey& key : content.keys) {
      if (key.name != name) continue;
      if (key.revoked_ms)
        return absl::FailedPreconditionError(
            absl::StrCat("name: key ", key.name, " is revoked; create another"));
      std::erase_if(key.secrets, [&](const KeySecret& s) { return Passed(s.expires_ms, now); });
      for (KeySecret& secret : key.secrets)
        secret.expires_ms =
            std::min(secret.expires_ms.value_or(now + overlap_ms), now + overlap_ms);
      key.secrets.push_back(made->stored);
      content.changes.push_back(
          {now, std::string(actor), "key.rotate", key.name,
           absl::StrCat("the former secret ends in ", overlap_ms / 1000, " s")});
      return absl::OkStatus();
    }
    return absl::NotFoundError(absl::StrCat("name: there is no key ", std::string(name)));
  });
  if (!status.ok()) return status;
  return made->shown;
}

absl::Status KeyFile::Revoke(std::string_view name, std::string_view actor) {
  const std::int64_t now = clock_->WallMillis();
  return Update([&](Content& content) -> absl::Status {
    for (ApiKey& key : content.keys) {
      if (key.name != name) continue;
      if (key.revoked_ms) return absl::OkStatus();
      key.revoked_ms = now;
      content.changes.push_back({now, std::string(actor), "key.revoke", key.name, ""});
      return absl::OkStatus();
    }
    return absl::NotFoundError(absl::StrCat("name: there is no key ", std::string(name)));
  });
}

std::vector<ApiKey> KeyFile::List() const {
  const std::lock_guard lock(mutex_);
  std::vector<ApiKey> keys = content_.keys;
  for (ApiKey& key : keys) {
    const auto used = used_ms_.find(key.name);
    if (used != used_ms_.end())
      key.last_used_ms = std::max(key.last_used_ms.value_or(0), used->second);
  }
  std::sort(keys.begin(), keys.end(),
            [](const ApiKey& a, const ApiKey& b) { return a.name < b.name; });
  return keys;
}

std::size_t KeyFile::usable() const {
  const std::lock_guard lock(mutex_);
  const std::int64_t now = clock_->WallMillis();
  return static_cast<std::size_t>(std::count_if(
      content_.keys.begin(), content_.keys.end(),
      [&](const ApiKey& key) { return !key.revoked_ms && !Passed(key.expires_ms, now); }));
}

CheckedKey KeyFile::Check(std::string_view presented) {
  if (presented.size() != kPrefix.size() + kIdDigits + 1 + kSecretDigits ||
      !presented.starts_with(kPrefix) || presented[kPrefix.size() + kIdDigits] != '_')
    return {};
  const std::string_view id = presented.substr(kPrefix.size(), kIdDigits);
  const std::string hash = Sha256Hex(presented.substr(kPrefix.size() + kIdDigits + 1));
  const std::int64_t now = clock_->WallMillis();
  const std::lock_guard lock(mutex_);
  for (const ApiKey& key : content_.keys) {
    for (const KeySecret& secret : key.secrets) {
      if (secret.id != id) continue;
      if (secret.sha256.size() != hash.size() ||
          CRYPTO_memcmp(secret.sha256.data(), hash.data(), hash.size()) != 0)
        return {};
      CheckedKey checked{KeyVerdict::kValid, key.name, key.scopes, key.requests_per_second,
                         key.requests_per_day};
      if (key.revoked_ms) {
        checked.verdict = KeyVerdict::kRevoked;
      } else if (Passed(key.expires_ms, now) || Passed(secret.expires_ms, now)) {
        checked.verdict = KeyVerdict::kExpired;
      } else {
        used_ms_[key.name] = now;
      }
      return checked;
    }
  }
  return {};
}

absl::Status KeyFile::TakeChanges(const std::function<absl::Status(const KeyChange&)>& take) {
  {
    const std::lock_guard lock(mutex_);
    if (content_.changes.empty()) return absl::OkStatus();
  }
  return Update([&](Content& content) -> absl::Status {
    std::size_t taken = 0;
    absl::Status status;
    for (; taken < content.changes.size() && status.ok(); ++taken)
      status = take(content.changes[taken]);
    if (!status.ok()) --taken;
    content.changes.erase(content.changes.begin(),
                          content.changes.begin() + static_cast<std::ptrdiff_t>(taken));
    return absl::OkStatus();
  });
}

std::int64_t KeyFile::Spend(const CheckedKey& key) {
  if (!key.requests_per_day) return 0;
  const std::int64_t now = clock_->WallMillis();
  const std::lock_guard lock(mutex_);
  const auto [found, is_new] = spent_.try_emplace(key.name);
  Spent& spent = found->second;
  for (const ApiKey& stored : content_.keys) {
    if (is_new && stored.name == key.name) spent = {stored.spent_day, stored.spent};
  }
  if (spent.day != now / kDayMs) spent = {now / kDayMs, 0};
  if (spent.requests >= *key.requests_per_day) return kDayMs - now % kDayMs;
  ++spent.requests;
  return 0;
}

absl::Status KeyFile::SaveUse(bool at_once) {
  std::map<std::string, std::int64_t> used;
  std::map<std::string, Spent> spent;
  {
    const std::lock_guard lock(mutex_);
    bool news = at_once && !used_ms_.empty();
    for (const ApiKey& key : content_.keys) {
      const auto found = used_ms_.find(key.name);
      news |= found != used_ms_.end() &&
              found->second - key.last_used_ms.value_or(0) >= kUseResolutionMs;
    }
    if (!news) return absl::OkStatus();
    used.swap(used_ms_);
    spent = spent_;
  }
  return Update([&](Content& content) {
    for (ApiKey& key : content.keys) {
      const auto found = used.find(key.name);
      if (found != used.end())
        key.last_used_ms = std::max(key.last_used_ms.value_or(0), found->second);
      if (const auto count = spent.find(key.name); count != spent.end()) {
        key.spent_day = count->second.day;
        key.spent = count->second.requests;
      }
    }
    return absl::OkStatus();
  });
}

}  // namespace upswing::access
