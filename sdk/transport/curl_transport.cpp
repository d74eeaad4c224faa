#include "sdk/transport/curl_transport.hpp"

#include <curl/curl.h>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <mutex>
#include <utility>

#include "absl/strings/str_cat.h"

namespace upswing::transport {
namespace {

constinit std::once_flag global_init;

struct Exchange {
  HttpResponse response;
  std::size_t max_bytes = 0;
  bool too_large = false;
};

std::size_t OnBody(char* data, std::size_t size, std::size_t count, void* user) {
  auto* exchange = static_cast<Exchange*>(user);
  const std::size_t bytes = size * count;
  if (exchange->response.body.size() + bytes > exchange->max_bytes) {
    exchange->too_large = true;
    return 0;
  }
  exchange->response.body.append(data, bytes);
  return bytes;
}

std::string_view Trim(std::string_view text) {
  while (!text.empty() && static_cast<unsigned char>(text.front()) <= ' ') text.remove_prefix(1);
  while (!text.empty() && static_cast<unsigned char>(text.back()) <= ' ') text.remove_suffix(1);
  return text;
}

std::size_t OnHeader(char* data, std::size_t size, std::size_t count, void* user) {
  constexpr std::size_t kMaxHeaders = 100;
  auto& headers = static_cast<Exchange*>(user)->response.headers;
  const std::string_view line(data, size * count);
  // A second status line: what came before belongs to an interim response.
  if (line.substr(0, 5) == "HTTP/") headers.clear();
  const std::size_t colon = line.find(':');
  if (colon != std::string_view::npos && headers.size() < kMaxHeaders) {
    headers.emplace_back(Trim(line.substr(0, colon)), Trim(line.substr(colon + 1)));
  }
  return line.size();
}

class CurlTransport final : public Transport {
 public:
  explicit CurlTransport(const CurlOptions& options) : options_(options) {}

  ~CurlTransport() override {
    if (easy_ != nullptr) curl_easy_cleanup(easy_);
    if (multi_ != nullptr) curl_multi_cleanup(multi_);
  }

  absl::Status Prepare() {
    std::call_once(global_init, [] { curl_global_init(CURL_GLOBAL_DEFAULT); });
    multi_ = curl_multi_init();
    easy_ = curl_easy_init();
    if (multi_ == nullptr || easy_ == nullptr) {
      return absl::ResourceExhaustedError("libcurl: no memory");
    }
    CURLcode code = CURLE_OK;
    const char* failed = "";
    const auto set = [&](const char* name, CURLoption option, auto value) {
      if (code != CURLE_OK) return;
      failed = name;
      code = curl_easy_setopt(easy_, option, value);
    };
    set("signals", CURLOPT_NOSIGNAL, 1L);
    // An empty string, unlike none, keeps libcurl from reading http_proxy and its like from the
    // environment.
    set("proxy", CURLOPT_PROXY, options_.proxy.c_str());
    set("proxy", CURLOPT_NOPROXY, "");
    set("user_agent", CURLOPT_USERAGENT, options_.user_agent.c_str());
    set("protocols", CURLOPT_PROTOCOLS_STR, "http,https");
    set("redirects", CURLOPT_FOLLOWLOCATION, 0L);
    set("http_version", CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_2TLS));
    set("tls_version", CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
    set("keep_alive", CURLOPT_TCP_KEEPALIVE, 1L);
    set("body", CURLOPT_WRITEFUNCTION, &OnBody);
    set("headers", CURLOPT_HEADERFUNCTION, &OnHeader);
    if (!options_.ca_bundle_path.empty()) {
      set("ca_bundle_path", CURLOPT_CAINFO, options_.ca_bundle_path.c_str());
    }
    if (!options_.pinned_key.empty()) {
      set("pinned_key", CURLOPT_PINNEDPUBLICKEY, options_.pinned_key.c_str());
    }
    if (code == CURLE_OK) return absl::OkStatus();
    return absl::InvalidArgumentError(absl::StrCat(failed, ": ", curl_easy_strerror(code)));
  }

  absl::StatusOr<HttpResponse> Send(const HttpRequest& request) override {
    if (easy_ == nullptr) {
      if (absl::Status status = Prepare(); !status.ok()) return status;
    }
    Exchange exchange;
    exchange.max_bytes = request.max_response_bytes;
    curl_slist* headers = nullptr;
    for (const auto& [name, value] : request.headers) {
      headers = curl_slist_append(headers, absl::StrCat(name, ": ", value).c_str());
    }
    // Without this libcurl waits a second for "100 Continue" before larger bodies.
    headers = curl_slist_append(headers, "Expect:");
    const auto timeout = static_cast<long>(request.timeout.count());
    curl_easy_setopt(easy_, CURLOPT_URL, request.url.c_str());
    curl_easy_setopt(easy_, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(easy_, CURLOPT_WRITEDATA, &exchange);
    curl_easy_setopt(easy_, CURLOPT_HEADERDATA, &exchange);
    curl_easy_setopt(easy_, CURLOPT_TIMEOUT_MS, timeout);
    curl_easy_setopt(easy_, CURLOPT_CONNECTTIMEOUT_MS, std::min(timeout, 15'000L));
    const bool has_body = request.method != "GET";
    curl_easy_setopt(easy_, CURLOPT_CUSTOMREQUEST, has_body ? request.method.c_str() : nullptr);
    if (has_body) {
      curl_easy_setopt(easy_, CURLOPT_POST, 1L);
      curl_easy_setopt(easy_, CURLOPT_POSTFIELDSIZE_LARGE,
                       static_cast<curl_off_t>(request.body.size()));
      curl_easy_setopt(easy_, CURLOPT_POSTFIELDS, request.body.data());
    } else {
      curl_easy_setopt(easy_, CURLOPT_HTTPGET, 1L);
    }
    curl_multi_add_handle(multi_, easy_);
    const absl::Status status = Run();
    curl_multi_remove_handle(multi_, easy_);
    curl_slist_free_all(headers);
    if (exchange.too_large) return absl::ResourceExhaustedError("response is larger than allowed");
    if (!status.ok()) return status;
    long code = 0;
    curl_easy_getinfo(easy_, CURLINFO_RESPONSE_CODE, &code);
    exchange.response.status = static_cast<int>(code);
    return std::move(exchange.response);
  }

  void Cancel() override {
    cancelled_.store(true, std::memory_order_release);
    if (CURLM* const multi = multi_) curl_multi_wakeup(multi);
  }

  void AbandonAfterFork() override {
    // Leaked on purpose: cleaning up would send a close on connections that the parent still uses.
    easy_ = nullptr;
    multi_ = nullptr;
    cancelled_.store(false, std::memory_order_release);
  }

 private:
  absl::Status Run() {
    for (;;) {
      int running = 0;
      curl_multi_perform(multi_, &running);
      int left = 0;
      if (const CURLMsg* message = curl_multi_info_read(multi_, &left)) {
        const CURLcode code = message->data.result;
        if (code == CURLE_OK) return absl::OkStatus();
        const std::string text = absl::StrCat("libcurl: ", curl_easy_strerror(code));
        if (code == CURLE_OPERATION_TIMEDOUT) return absl::DeadlineExceededError(text);
        return absl::UnavailableError(text);
      }
      if (cancelled_.exchange(false, std::memory_order_acq_rel)) {
        return absl::CancelledError("request was cancelled");
      }
      if (running == 0) return absl::InternalError("libcurl: transfer ended without a result");
      curl_multi_poll(multi_, nullptr, 0, 1000, nullptr);
    }
  }

  const CurlOptions options_;
  std::atomic<CURLM*> multi_{nullptr};  // written by the sending thread, read by `Cancel`
  CURL* easy_ = nullptr;
  std::atomic<bool> cancelled_{false};
};

}  // namespace

std::unique_ptr<Transport> MakeCurlTransport(const CurlOptions& options) {
  return std::make_unique<CurlTransport>(options);
}

}  // namespace upswing::transport
