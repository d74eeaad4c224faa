#include "upswing/client.hpp"

#include <utility>

#include "sdk/client/check_options.hpp"
#include "sdk/client/core.hpp"

namespace upswing {

absl::StatusOr<std::unique_ptr<Client>> Client::Create(ClientOptions options) {
  if (absl::Status status = client::CheckOptions(options); !status.ok()) return status;
  absl::StatusOr<std::unique_ptr<client::Core>> core =
      client::Core::Create(std::move(options), client::SystemPlatform());
  if (!core.ok()) return core.status();
  return std::unique_ptr<Client>(new Client(*std::move(core)));
}

Client::Client(std::unique_ptr<client::Core> core) : core_(std::move(core)) {}
Client::~Client() = default;

bool Client::Bool(std::string_view flag, const Subject& subject, bool otherwise) {
  const Decision decision = PeekFlag(flag, subject);
  const std::optional<bool> value = decision.value.as_bool();
  if (value) Expose(decision, subject);
  return value.value_or(otherwise);
}

std::int64_t Client::Int(std::string_view flag, const Subject& subject, std::int64_t otherwise) {
  const Decision decision = PeekFlag(flag, subject);
  const std::optional<std::int64_t> value = decision.value.as_int();
  if (value) Expose(decision, subject);
  return value.value_or(otherwise);
}

double Client::Double(std::string_view flag, const Subject& subject, double otherwise) {
  const Decision decision = PeekFlag(flag, subject);
  const std::optional<double> value = decision.value.as_double();
  if (value) Expose(decision, subject);
  return value.value_or(otherwise);
}

std::string_view Client::String(std::string_view flag, const Subject& subject,
                                std::string_view otherwise) {
  const Decision decision = PeekFlag(flag, subject);
  if (decision.value.type() != ValueType::kString) return otherwise;
  Expose(decision, subject);
  return decision.value.as_text().value_or(otherwise);
}

std::string_view Client::Json(std::string_view flag, const Subject& subject,
                              std::string_view otherwise) {
  const Decision decision = PeekFlag(flag, subject);
  if (decision.value.type() != ValueType::kJson) return otherwise;
  Expose(decision, subject);
  return decision.value.as_text().value_or(otherwise);
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
  return core_->Decide(experiment, subject);
}

Decision Client::PeekFlag(std::string_view flag, const Subject& subject) const {
  return core_->DecideFlag(flag, subject);
}

void Client::Expose(const Decision& decision, const Subject& subject) {
  core_->Expose(decision, subject);
}

void Client::Track(const Subject& subject, std::string_view name, double value,
                   std::initializer_list<Property> properties, const TrackOptions& options) {
  core_->Track(subject, name, value, {properties.begin(), properties.size()}, options);
}

void Client::Track(const Subject& subject, std::string_view name, double value,
                   std::span<const Property> properties, const TrackOptions& options) {
  core_->Track(subject, name, value, properties, options);
}

FlushResult Client::Flush(std::chrono::milliseconds timeout) { return core_->Flush(timeout); }
FlushResult Client::Close(std::chrono::milliseconds timeout) { return core_->Close(timeout); }
void Client::NetworkBack() { core_->NetworkBack(); }
void Client::SetConsent(Consent consent) { core_->SetConsent(consent); }
void Client::SetApiKey(std::string_view api_key) { core_->SetApiKey(api_key); }
bool Client::Activate() { return core_->catalog().Activate(); }
std::uint64_t Client::AddCatalogListener(std::function<void(std::uint64_t)> listener) {
  return core_->catalog().AddListener(std::move(listener));
}
void Client::RemoveCatalogListener(std::uint64_t number) {
  core_->catalog().RemoveListener(number);
}
void Client::Purge() { core_->Purge(); }
ClientStats Client::Stats() const { return core_->Stats(); }

}  // namespace upswing
