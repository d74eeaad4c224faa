#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "platform/port/clock.hpp"
#include "platform/port/file_system.hpp"
#include "server/access/scope.hpp"

namespace upswing::access {

/// One secret of a key. The secret itself is shown once, when it is made, and never stored.
struct KeySecret {
  std::string id;      ///< Public part, by which it is found.
  std::string sha256;  ///< Of the secret part, in hexadecimal.
  std::int64_t created_ms = 0;
  std::optional<std::int64_t> expires_ms;
};

struct ApiKey {
  std::string name;
  Scopes scopes;
  std::int64_t created_ms = 0;
  std::optional<std::int64_t> expires_ms;
  std::optional<std::int64_t> revoked_ms;
  std::optional<std::int64_t> last_used_ms;  ///< To the minute.
  /// Requests a second this key may send; past it 429. Absent = no limit.
  std::optional<double> requests_per_second;
  /// Requests it may send between one midnight (UTC) and the next; past it 429. Absent = no limit.
  std::optional<std::int64_t> requests_per_day;
  /// Of these, how many it has sent on `spent_day` (days since 1970), as last saved.
  std::int64_t spent_day = 0;
  std::int64_t spent = 0;
  std::vector<KeySecret> secrets;  ///< Two while a rotation overlaps.
};

struct NewKey {
  /// 1 to 64 characters of [A-Za-z0-9._-].
  std::string name;
  Scopes scopes;
  std::optional<std::int64_t> expires_ms;
  std::optional<double> requests_per_second;
  std::optional<std::int64_t> requests_per_day;
};

/// A change of the keys, for the audit log.
struct KeyChange {
  std::int64_t at_ms = 0;
  std::string actor;
  std::string action;  ///< "key.create", "key.revoke", "key.rotate".
  std::string name;
  std::string detail;
};

enum class KeyVerdict : std::uint8_t { kUnknown, kRevoked, kExpired, kValid };

/// What a presented key is. `key` is empty for kUnknown.
struct CheckedKey {
  KeyVerdict verdict = KeyVerdict::kUnknown;
  std::string name;
  Scopes scopes;
  std::optional<double> requests_per_second;
  std::optional<std::int64_t> requests_per_day;
};

/// The API keys of one data folder: `keys.json` beside the database, so that `upswing keys` works
/// while the server runs. Writers, in this process and others, take turns by a lock file and
/// replace the file as a whole. Thread-safe.
///
/// A key reads `upsk_<id>_<secret>`: 16 and 64 hexadecimal digits. The secret has 256 random bits,
/// so one SHA-256 of it is enough: there is nothing to guess that a slow hash would protect.
class KeyFile {
 public:
  /// `files` and `clock` outlive this. An absent file is no key. kDataLoss if it cannot be read.
  static absl::StatusOr<std::unique_ptr<KeyFile>> Open(const std::string& directory,
                                                       port::FileSystem* files,
                                                       const port::Clock* clock);

  /// Makes a key and returns what its holder must keep. kAlreadyExists: the name is in use (also by
  /// a revoked key: what the audit log says of a name must stay true). kInvalidArgument names the
  /// field.
  absl::StatusOr<std::string> Create(const NewKey& key, std::string_view actor);

  /// Gives the key another secret and returns it; the ones before stop working after `overlap_ms`.
  absl::StatusOr<std::string> Rotate(std::string_view name, std::int64_t overlap_ms,
                                     std::string_view actor);

  /// The key stops working: here at once, in other processes at their next `Refresh`.
  absl::Status Revoke(std::string_view name, std::string_view actor);

  /// As of the last change or `Refresh`, by name.
  std::vector<ApiKey> List() const;
  /// Keys that could be used now.
  std::size_t usable() const;

  /// Says whose key it is. Takes the same time for every wrong secret of a known id.
  CheckedKey Check(std::string_view key);

  /// Counts a request against the key's quota of the day, if it has one. Returns 0, or the
  /// milliseconds until midnight (UTC) if the quota is spent. The count outlives a restart; of an
  /// end without a stop it forgets at most a minute.
  std::int64_t Spend(const CheckedKey& key);

  /// Takes over what other processes changed.
  absl::Status Refresh();

  /// Hands over the changes made by any process that no one has taken yet, and forgets those that
  /// `take` is OK with. For the owner of the audit log.
  absl::Status TakeChanges(const std::function<absl::Status(const KeyChange&)>& take);

  /// Writes when keys were last used and what they have spent: each minute at most, unless `now`.
  /// Called now and then by the server.
  absl::Status SaveUse(bool now = false);

 private:
  struct Content {
    std::vector<ApiKey> keys;
    std::vector<KeyChange> changes;
  };
  KeyFile(std::string directory, port::FileSystem* files, const port::Clock* clock);
  static absl::StatusOr<Content> Parse(const std::string& text);
  static std::string Format(const Content& content);

  absl::StatusOr<Content> Read();
  /// Reads the file, lets `change` work on it and replaces it, under the lock of all processes.
  absl::Status Update(const std::function<absl::Status(Content&)>& change);

  const std::string path_;
  port::FileSystem* const files_;
  const port::Clock* const clock_;

  mutable std::mutex mutex_;  // all below
  std::string text_;          // of the file as last read
  Content content_;
  std::map<std::string, std::int64_t> used_ms_;  // by name, since the last `SaveUse`
  struct Spent {
    std::int64_t day = 0;
    std::int64_t requests = 0;
  };
  std::map<std::string, Spent> spent_;  // by name, of keys with a quota
};

}  // namespace upswing::access
