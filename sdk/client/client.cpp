#include "upswing/client.hpp"

#include <thread>
#include <utility>

#include "platform/posix/fork.hpp"
#include "sdk/client/check_options.hpp"
#include "sdk/client/core.hpp"

namespace upswing {

absl::StatusOr<std::unique_ptr<Client>> Client::Create(ClientOptions options) {
  if (absl::Status status = client::CheckOptions(options); !status.ok()) return status;
  posix::WatchForks();
  return std::unique_ptr<Client>(
      new Client(client::Core::Create(std::move(options), client::SystemPlatform())));
}

Client::Client(std::unique_ptr<client::Core> core)
    : core_(core.release()), renewed_for_(posix::ForkGeneration()) {}

Client::~Client() {
  client::Core* const core = core_.load(std::memory_order_acquire);
  // In a child that never used the client, the inherited one must not be touched: its threads are
  // not here.
  if (core->generation() == posix::ForkGeneration()) delete core;
}

client::Core& Client::core() const {
  client::Core* const core = core_.load(std::memory_order_acquire);
  if (core->generation() == posix::ForkGeneration()) [[likely]]
    return *core;
  return Renew(core);
}

client::Core& Client::Renew(client::Core* inherited) const {
  const std::uint32_t generation = posix::ForkGeneration();
  if (renewed_for_.exchange(generation) != generation) {
    core_.store(inherited->Renew().release(), std::memory_order_release);
  }
  // Another thread of the child was first; it takes a few milliseconds once per fork.
  client::Core* core = core_.load(std::memory_order_acquire);
  while (core->generation() != generation) {
    std::this_thread::yield();
    core = core_.load(std::memory_order_acquire);
  }
  return *core;
}

KeyHandle Client::ExperimentHandle(std::string_view key) const {
  return core().catalog().ExperimentHandle(key);
}
KeyHandle Client::FlagHandle(std::string_view key) const {
  return core().catalog().FlagHandle(key);
}

template <class T, class Key>
T Client::Number(std::optional<T> (Value::*as)() const, const Key& flag, const Subject& subject,
                 T otherwise) {
  const Decision decision = PeekFlag(flag, subject);
  const std::optional<T> value = (decision.value.*as)();
  if (value) Expose(decision, subject);
  return value.value_or(otherwise);
}

template <class Key>
std::string_view Client::Text(ValueType type, const Key& flag, const Subject& subject,
                              std::string_view otherwise) {
  const Decision decision = PeekFlag(flag, subject);
  if (decision.value.type() != type) return otherwise;
  Expose(decision, subject);
  return decision.value.as_text().value_or(otherwise);
}

bool Client::Bool(std::string_view flag, const Subject& subject, bool otherwise) {
  return Number(&Value::as_bool, flag, subject, otherwise);
}
std::int64_t Client::Int(std::string_view flag, const Subject& subject, std::int64_t otherwise) {
  return Number(&Value::as_int, flag, subject, otherwise);
}
double Client::Double(std::string_view flag, const Subject& subject, double otherwise) {
  return Number(&Value::as_double, flag, subject, otherwise);
}
std::string_view Client::String(std::string_view flag, const Subject& subject,
                                std::string_view otherwise) {
  return Text(ValueType::kString, flag, subject, otherwise);
}
std::string_view Client::Json(std::string_view flag, const Subject& subject,
                              std::string_view otherwise) {
  return Text(ValueType::kJson, flag, subject, otherwise);
}

bool Client::Bool(const KeyHandle& flag, const Subject& subject, bool otherwise) {
  return Number(&Value::as_bool, flag, subject, otherwise);
}
std::int64_t Client::Int(const KeyHandle& flag, const Subject& subject, std::int64_t otherwise) {
  return Number(&Value::as_int, flag, subject, otherwise);
}
double Client::Double(const KeyHandle& flag, const Subject& subject, double otherwise) {
  return Number(&Value::as_double, flag, subject, otherwise);
}
std::string_view Client::String(const KeyHandle& flag, const Subject& subject,
                                std::string_view otherwise) {
  return Text(ValueType::kString, flag, subject, otherwise);
}
std::string_view Client::Json(const KeyHandle& flag, const Subject& subject,
                              std::string_view otherwise) {
  return Text(ValueType::kJson, flag, subject, otherwise);
}

Decision Client::Decide(std::string_view experiment, const Subject& subject) {
  const Decision decision = Peek(experiment, subject);
  Expose(decision, subject);
  return decision;
}
Decision Client::DecideFlag(std::string_view flag, const Subject& subject) {
  const Decision decision = PeekFlag(flag, subject);
  Expose(decision, subject);
  return decision;
}
Decision Client::Peek(std::string_view experiment, const Subject& subject) const {
  return core().Decide(experiment, subject);
}
Decision Client::PeekFlag(std::string_view flag, const Subject& subject) const {
  return core().DecideFlag(flag, subject);
}

Decision Client::Decide(const KeyHandle& experiment, const Subject& subject) {
  const Decision decision = Peek(experiment, subject);
  Expose(decision, subject);
  return decision;
}
Decision Client::DecideFlag(const KeyHandle& flag, const Subject& subject) {
  const Decision decision = PeekFlag(flag, subject);
  Expose(decision, subject);
  return decision;
}
Decision Client::Peek(const KeyHandle& experiment, const Subject& subject) const {
  return core().Decide(experiment, subject);
}
Decision Client::PeekFlag(const KeyHandle& flag, const Subject& subject) const {
  return core().DecideFlag(flag, subject);
}

void Client::DecideAll(const Subject& subject, std::vector<Decision>& decisions) const {
  core().DecideAll(subject, decisions);
}

std::string Client::Explain(std::string_view key, const Subject& subject) const {
  return core().Explain(key, subject);
}

void Client::Expose(const Decision& decision, const Subject& subject,
                    std::optional<std::chrono::system_clock::time_point> time) {
  core().Expose(decision, subject, time);
}

void Client::Track(const Subject& subject, std::string_view name, double value,
                   std::initializer_list<Property> properties, const TrackOptions& options) {
  core().Track(subject, name, value, {properties.begin(), properties.size()}, options);
}

void Client::Track(const Subject& subject, std::string_view name, double value,
                   std::span<const Property> properties, const TrackOptions& options) {
  core().Track(subject, name, value, properties, options);
}

FlushResult Client::Flush(std::chrono::milliseconds timeout) { return core().Flush(timeout); }
FlushResult Client::Close(std::chrono::milliseconds timeout) { return core().Close(timeout); }
void Client::NetworkBack() { core().NetworkBack(); }
void Client::SetNetwork(Network network) { core().SetNetwork(network); }
void Client::SetConsent(Consent consent) { core().SetConsent(consent); }
void Client::SetApiKey(std::string_view api_key) { core().SetApiKey(api_key); }
bool Client::Activate() { return core().Activate(); }
absl::Status Client::SupplyCatalog(std::string_view bytes) {
  client::CatalogKeeper& catalog = core().catalog();
  // An answer of the server that comes in between is newer, and stays.
  return catalog.Fetched(std::string(bytes), "", catalog.etag(), /*may_write=*/false);
}
std::uint64_t Client::AddCatalogListener(std::function<void(std::uint64_t)> listener) {
  return core().catalog().AddListener(std::move(listener));
}
void Client::RemoveCatalogListener(std::uint64_t number) {
  core().catalog().RemoveListener(number);
}
void Client::Purge() { core().Purge(); }
ClientStats Client::Stats() const { return core().Stats(); }

}  // namespace upswing
