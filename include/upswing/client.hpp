#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "upswing/decision.hpp"
#include "upswing/handle.hpp"
#include "upswing/options.hpp"
#include "upswing/property.hpp"
#include "upswing/stats.hpp"
#include "upswing/subject.hpp"

namespace upswing {

namespace client {
class Core;
}

/// More about an event than its name and value.
struct TrackOptions {
  /// When it happened; now if absent.
  std::optional<std::chrono::system_clock::time_point> time;
  /// The caller's id of the event, e.g. an order number: reported twice, it counts once. Empty =
  /// none.
  std::string_view event_id;
  /// `event_id` of the event this one refers to, e.g. the purchase that a refund undoes. Empty =
  /// none.
  std::string_view ref_id;
};

/// Decides and reports. One per app and project; several do not disturb each other.
///
/// Any thread may call anything. Decisions never fail, never wait and never do I/O; `Track` and
/// exposures neither: they copy the record into a bounded queue, from where a background thread
/// takes it to disk and to the server until it is acknowledged (docs/concepts/delivery.md says what
/// is promised). After fork() the child's client starts anew: it sends nothing that the parent
/// queued.
class Client {
 public:
  /// Returns at once with the best catalog at hand (bundled or cached). kInvalidArgument names the
  /// option that is wrong.
  static absl::StatusOr<std::unique_ptr<Client>> Create(ClientOptions options);

  /// Like `Close` with a timeout of 0: what is queued goes to disk.
  ~Client();
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  /// Looks a key up once, for decisions that skip the name. Takes a lock: do it at start-up.
  KeyHandle ExperimentHandle(std::string_view key) const;
  KeyHandle FlagHandle(std::string_view key) const;

  /// Values of flags. Logs an exposure when an experiment decides the flag. `otherwise` is returned
  /// when there is no catalog, the flag is unknown or has another type. Strings live as long as the
  /// client (or as `otherwise`).
  bool Bool(std::string_view flag, const Subject& subject, bool otherwise);
  std::int64_t Int(std::string_view flag, const Subject& subject, std::int64_t otherwise);
  double Double(std::string_view flag, const Subject& subject, double otherwise);
  std::string_view String(std::string_view flag, const Subject& subject,
                          std::string_view otherwise);
  std::string_view Json(std::string_view flag, const Subject& subject, std::string_view otherwise);

  bool Bool(const KeyHandle& flag, const Subject& subject, bool otherwise);
  std::int64_t Int(const KeyHandle& flag, const Subject& subject, std::int64_t otherwise);
  double Double(const KeyHandle& flag, const Subject& subject, double otherwise);
  std::string_view String(const KeyHandle& flag, const Subject& subject,
                          std::string_view otherwise);
  std::string_view Json(const KeyHandle& flag, const Subject& subject, std::string_view otherwise);

  /// The variant of an experiment, or the value of a flag, with the reason. Logs an exposure if the
  /// subject is in.
  Decision Decide(std::string_view experiment, const Subject& subject);
  Decision Decide(const KeyHandle& experiment, const Subject& subject);
  Decision DecideFlag(std::string_view flag, const Subject& subject);
  Decision DecideFlag(const KeyHandle& flag, const Subject& subject);

  /// The same without an exposure.
  Decision Peek(std::string_view experiment, const Subject& subject) const;
  Decision Peek(const KeyHandle& experiment, const Subject& subject) const;
  Decision PeekFlag(std::string_view flag, const Subject& subject) const;
  Decision PeekFlag(const KeyHandle& flag, const Subject& subject) const;

  /// Every experiment of the catalog, in its order, without exposures. `decisions` is cleared
  /// first; re-use it and nothing is allocated.
  void DecideAll(const Subject& subject, std::vector<Decision>& decisions) const;

  /// How the decision for an experiment, or else a flag, of this key comes about: one line per
  /// step, for people. Attribute values are in it, ids are not. Empty if neither is called so, or
  /// there is no catalog. Allocates.
  std::string Explain(std::string_view key, const Subject& subject) const;

  /// Logs the exposure of a decision that was peeked at, e.g. when it is rendered. `subject` is the
  /// one it was made for. With a `time` (an exposure that is reported later, e.g. from a log) it is
  /// not compared with the unit's last one: reported twice, it is sent twice, and counts once.
  void Expose(const Decision& decision, const Subject& subject,
              std::optional<std::chrono::system_clock::time_point> time = {});

  /// Reports a metric event. `value` is the amount the event carries; an event without one counts
  /// as 1. Values that are not finite and names that are empty or over 4096 bytes are dropped and
  /// counted.
  void Track(const Subject& subject, std::string_view name, double value = 1,
             std::initializer_list<Property> properties = {}, const TrackOptions& options = {});
  void Track(const Subject& subject, std::string_view name, double value,
             std::span<const Property> properties, const TrackOptions& options = {});

  /// Forms batches of all that is queued, puts them on disk and sends what the spool holds, for at
  /// most `timeout`.
  FlushResult Flush(std::chrono::milliseconds timeout);

  /// The app goes to the background: like `Flush`, meant for the few seconds the system grants.
  FlushResult Background(std::chrono::milliseconds budget) { return Flush(budget); }

  /// `Flush`, then stops for good: later records are dropped and counted, decisions go on.
  FlushResult Close(std::chrono::milliseconds timeout);

  /// The network is back: tries at once what waits for a retry.
  void NetworkBack();

  /// The network has changed. A hint: `Flush`, `Background`, `Close` and `NetworkBack` try anyway.
  void SetNetwork(Network network);

  void SetConsent(Consent consent);
  /// A new key, e.g. after the old one was refused; ends the pause.
  void SetApiKey(std::string_view api_key);

  /// Puts in force what `ApplyPolicy::kOnActivate` holds back: a fetched catalog, and, when consent
  /// came after `Create`, kept assignments of `sticky` experiments. True if there was something.
  bool Activate();

  /// Hands in catalog bytes that the app got by itself, as if the server had sent them:
  /// `ApplyPolicy` says when they decide. kInvalidArgument: they do not verify, and the old catalog
  /// stays in force.
  absl::Status SupplyCatalog(std::string_view bytes);

  /// Called with the version after a catalog came into force, from the SDK's thread or from
  /// `Activate`. Returns a number for `RemoveCatalogListener`.
  std::uint64_t AddCatalogListener(std::function<void(std::uint64_t version)> listener);
  void RemoveCatalogListener(std::uint64_t number);

  /// Drops every record that was not acknowledged, in memory and on disk, and what was remembered
  /// about units.
  void Purge();

  ClientStats Stats() const;

 private:
  template <class T, class Key>
  T Number(std::optional<T> (Value::*as)() const, const Key& flag, const Subject& subject,
           T otherwise);
  template <class Key>
  std::string_view Text(ValueType type, const Key& flag, const Subject& subject,
                        std::string_view otherwise);
  explicit Client(std::unique_ptr<client::Core> core);
  client::Core& core() const;
  client::Core& Renew(client::Core* inherited) const;

  mutable std::atomic<client::Core*> core_;            // owned
  mutable std::atomic<std::uint32_t> renewed_for_{0};  // fork generation
};

}  // namespace upswing
