#include "sdk/client/catalog_watch.hpp"

#include <chrono>
#include <utility>

#include "absl/strings/str_cat.h"
#include "sdk/transport/backoff.hpp"
#include "sdk/transport/catalog_fetcher.hpp"

namespace upswing::client {
namespace {

// Below the minute after which proxies and phone networks give a silent connection up.
constexpr std::chrono::seconds kWait{30};
constexpr std::int64_t kMaxBackoffMs = 60'000;
constexpr std::chrono::milliseconds kConsentCheck{1000};
// An answer that says "nothing new" earlier than this came from something that does not wait.
constexpr std::chrono::milliseconds kAtOnce{1000};

}  // namespace

CatalogWatch::CatalogWatch(std::shared_ptr<Transport> transport, CatalogKeeper* keeper,
                           port::Entropy* entropy, Environment environment)
    : transport_(std::move(transport)),
      keeper_(keeper),
      entropy_(entropy),
      environment_(std::move(environment)),
      thread_([this] { Loop(); }) {}

CatalogWatch::~CatalogWatch() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  stopped_.notify_all();
  transport_->Cancel();
  thread_.join();
}

void CatalogWatch::Loop() {
  transport::Backoff backoff(kMaxBackoffMs);
  const auto pause = [&](std::chrono::milliseconds time) {
    std::unique_lock lock(mutex_);
    stopped_.wait_for(lock, time, [this] { return stop_.load(); });
  };
  while (!stop_) {
    if (!environment_.may_fetch()) {
      pause(kConsentCheck);
      continue;
    }
    const std::string known = keeper_->etag();
    const auto asked = std::chrono::steady_clock::now();
    // Without a catalog there is nothing to wait on: the first one comes at once.
    auto fetched = transport::FetchCatalog(transport_.get(), environment_.endpoint(), known,
                                           known.empty() ? std::chrono::seconds(0) : kWait);
    if (stop_) return;
    absl::Status status = fetched.status();
    if (fetched.ok() && fetched->has_value()) {
      status = keeper_->Fetched(std::move((*fetched)->bytes), std::move((*fetched)->etag), known,
                                environment_.may_write(), [this](std::uint64_t name) {
                                  return transport::FetchIdList(transport_.get(),
                                                                environment_.endpoint(),
                                                                catalog::BlobPath(name));
                                });
      environment_.changed();
    } else if (fetched.ok()) {
      keeper_->Confirmed();
      if (std::chrono::steady_clock::now() - asked < kAtOnce)
        status = absl::UnavailableError("the server does not hold requests");
    }
    if (status.ok()) {
      backoff.Reset();
      continue;
    }
    if (environment_.log)
      environment_.log(LogLevel::kInfo,
                       std::string(absl::StrCat("catalog not watched: ", status.message())));
    pause(std::chrono::milliseconds(backoff.NextMillis(entropy_->Next64())));
  }
}

}  // namespace upswing::client
