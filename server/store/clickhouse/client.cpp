#include "server/store/clickhouse/client.hpp"

#include <curl/curl.h>

#include <algorithm>
#include <chrono>
#include <random>
#include <thread>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "sdk/base/text.hpp"
#include "server/store/column.hpp"

namespace upswing::store {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kQuorumWait(10'000);
constexpr milliseconds kReadAgainFor(15'000);
constexpr long kConnectMs = 2'000;
constexpr long kInsertMs = 60'000;
constexpr int kCompressBodies = 20'001;  // Content-Encoding: zstd is taken from 20.1 on
constexpr int kCancelsWithClient = 19'000;
constexpr std::size_t kWorthCompressing = 4096;
constexpr std::size_t kLongestMessage = 600;

void InitCurl() {
  static std::once_flag once;
  std::call_once(once, [] { curl_global_init(CURL_GLOBAL_DEFAULT); });
}

// The number in "Code: 225, e.displayText() = DB::Exception: ..." or "Code: 225. DB::Exception".
int CodeOf(std::string_view body) {
  const std::size_t at = body.find("Code: ");
  int code = 0;
  for (std::size_t i = at + 6;
       at != body.npos && i < body.size() && body[i] >= '0' && body[i] <= '9'; ++i)
    code = code * 10 + (body[i] - '0');
  return code;
}

// Numbers of dbms/src/Common/ErrorCodes.cpp, which never change their meaning.
constexpr int kQuorumBusy = 286;  // UNSATISFIED_QUORUM_FOR_PREVIOUS_WRITE
absl::StatusCode StatusOf(int code, long http, std::string_view body) {
  switch (code) {
    case 3:    // UNEXPECTED_END_OF_FILE
    case 32:   // ATTEMPT_TO_READ_AFTER_EOF
    case 202:  // TOO_MANY_SIMULTANEOUS_QUERIES
    case 209:  // SOCKET_TIMEOUT
    case 210:  // NETWORK_ERROR
    case 225:  // NO_ZOOKEEPER
    case 236:  // ABORTED: the server stops
    case 242:  // TABLE_IS_READ_ONLY
    case 244:  // UNEXPECTED_ZOOKEEPER_ERROR
    case 252:  // TOO_MANY_PARTS
    case 254:  // NO_ACTIVE_REPLICAS
    case 279:  // ALL_CONNECTION_TRIES_FAILED
    case 285:  // TOO_FEW_LIVE_REPLICAS
    case 286:  // UNSATISFIED_QUORUM_FOR_PREVIOUS_WRITE
    case 289:  // REPLICA_IS_NOT_IN_QUORUM
    case 319:  // UNKNOWN_STATUS_OF_INSERT
    case 999:  // KEEPER_EXCEPTION
      return absl::StatusCode::kUnavailable;
    case 159:
      return absl::StatusCode::kDeadlineExceeded;
    case 241:  // MEMORY_LIMIT_EXCEEDED
    case 243:  // NOT_ENOUGH_SPACE
      return absl::StatusCode::kResourceExhausted;
    case 192:
    case 193:
    case 194:
    case 497:
    case 516:
      return absl::StatusCode::kPermissionDenied;
    case 60:  // UNKNOWN_TABLE
    case 81:  // UNKNOWN_DATABASE
      return absl::StatusCode::kNotFound;
    default:
      break;
  }
  if (body.find("No space left") != body.npos) return absl::StatusCode::kResourceExhausted;
  return code == 0 && http >= 500 ? absl::StatusCode::kUnavailable : absl::StatusCode::kInternal;
}

constexpr int kShardAway = 279;  // ALL_CONNECTION_TRIES_FAILED
// The servers in "Connection refused (127.0.0.1:9000), ... Connection refused (127.0.0.2:9000),
// ...".
std::string ServersIn(std::string_view body) {
  std::vector<std::string_view> servers;
  for (std::size_t at = body.find('('); at != body.npos; at = body.find('(', at + 1)) {
    const std::string_view inside = body.substr(at + 1, body.find(')', at) - at - 1);
    const std::size_t colon = inside.rfind(':');
    if (colon == inside.npos || colon + 1 == inside.size() ||
        inside.find_first_not_of("0123456789", colon + 1) != inside.npos ||
        std::find(servers.begin(), servers.end(), inside) != servers.end())
      continue;
    servers.push_back(inside);
  }
  std::sort(servers.begin(), servers.end());
  std::string list;
  for (const std::string_view server : servers)
    absl::StrAppend(&list, list.empty() ? "" : ", ", base::ToAbsl(server));
  return list;
}

std::string Encoded(std::string_view text) {
  if (text.empty()) return "";  // libcurl would look for its end
  const std::unique_ptr<char, decltype(&curl_free)> escaped(
      curl_easy_escape(nullptr, text.data(), static_cast<int>(text.size())), curl_free);
  return escaped == nullptr ? "" : escaped.get();
}

}  // namespace

struct ClickHouseClient::Request {
  bool reads = false;
  std::string_view query;  // in the URL, if there is a body of rows
  std::string_view body;
  const Settings* settings = nullptr;
  const std::function<absl::Status(std::string_view)>* more = nullptr;
  const std::function<void()>* restart = nullptr;
  const Cancelled* cancelled = nullptr;  // of what reads
};

struct ClickHouseClient::Connection {
  CURL* easy = curl_easy_init();
  ~Connection() { curl_easy_cleanup(easy); }
};

namespace {

// One answer as it comes in.
struct Exchange {
  CURL* easy = nullptr;
  const std::function<absl::Status(std::string_view)>* more = nullptr;
  const std::function<void(const QueryProgress&)>* progress = nullptr;
  const std::function<bool()>* cancelled = nullptr;
  std::string error;
  absl::Status refused;  // by `more`
  bool has_exception = false;
};

std::size_t OnBody(char* data, std::size_t size, std::size_t count, void* user) {
  auto* exchange = static_cast<Exchange*>(user);
  const std::string_view piece(data, size * count);
  long status = 0;
  curl_easy_getinfo(exchange->easy, CURLINFO_RESPONSE_CODE, &status);
  if (status != 200 || exchange->has_exception) {
    if (exchange->error.size() < 4096) exchange->error.append(piece);
    return piece.size();
  }
  if (exchange->more == nullptr) return piece.size();
  exchange->refused = (*exchange->more)(piece);
  return exchange->refused.ok() ? piece.size() : 0;
}

int OnTransfer(void* user, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
  return (*static_cast<Exchange*>(user)->cancelled)() ? 1 : 0;
}

std::uint64_t NumberAfter(std::string_view line, std::string_view name) {
  const std::size_t at = line.find(name);
  std::uint64_t number = 0;
  for (std::size_t i = at + name.size(); at != line.npos && i < line.size(); ++i) {
    if (line[i] >= '0' && line[i] <= '9') {
      number = number * 10 + static_cast<std::uint64_t>(line[i] - '0');
    } else if (line[i] != '"' && line[i] != ':' && line[i] != ' ') {
      break;
    }
  }
  return number;
}

std::size_t OnHeader(char* data, std::size_t size, std::size_t count, void* user) {
  auto* exchange = static_cast<Exchange*>(user);
  const std::string_view line(data, size * count);
  if (absl::StartsWithIgnoreCase(base::ToAbsl(line), "X-ClickHouse-Exception-Code:"))
    exchange->has_exception = true;
  if (absl::StartsWithIgnoreCase(base::ToAbsl(line), "X-ClickHouse-Progress:") &&
      *exchange->progress)
    (*exchange->progress)(
        {NumberAfter(line, "\"read_rows\""), NumberAfter(line, "\"read_bytes\"")});
  return line.size();
}

}  // namespace

ClickHouseClient::ClickHouseClient(const ClickHouseAddress& address) : address_(address) {}
ClickHouseClient::~ClickHouseClient() = default;

std::unique_ptr<ClickHouseClient::Connection> ClickHouseClient::Take() {
  const std::lock_guard lock(mutex_);
  if (idle_.empty()) return std::make_unique<Connection>();
  std::unique_ptr<Connection> connection = std::move(idle_.back());
  idle_.pop_back();
  return connection;
}

void ClickHouseClient::Give(std::unique_ptr<Connection> connection) {
  const std::lock_guard lock(mutex_);
  idle_.push_back(std::move(connection));
}

absl::Status ClickHouseClient::Once(const Request& request, std::size_t host, bool* reached) {
  *reached = false;
  const ClickHouseAddress::Host& at = address_.hosts[host];
  std::string url =
      absl::StrCat(address_.tls ? "https://" : "http://", at.name, ":", at.port, "/?");
  const auto set = [&](std::string_view name, std::string_view value) {
    absl::StrAppend(&url, url.back() == '?' ? "" : "&", base::ToAbsl(name), "=", Encoded(value));
  };
  if (!request.query.empty()) set("query", request.query);
  std::string query_id;
  if (request.reads) {
    query_id = absl::StrCat("upswing-", absl::Hex(RandomId()), absl::Hex(RandomId()));
    set("query_id", query_id);
    // The answer comes when it is whole, so that an error in the middle is an error of HTTP.
    set("wait_end_of_query", "1");
    set("readonly", "2");
    if (version_ >= kCancelsWithClient) set("cancel_http_readonly_queries_on_client_close", "1");
    set("send_progress_in_http_headers", "1");
    set("max_execution_time", absl::StrCat(address_.seconds));
  }
  if (address_.memory > 0) set("max_memory_usage", absl::StrCat(address_.memory));
  set("max_query_size", "33554432");
  for (const auto& [name, value] : *request.settings) set(name, value);

  std::string packed;
  std::string_view body = request.body;
  std::unique_ptr<Connection> connection = Take();
  CURL* easy = connection->easy;
  if (easy == nullptr) return absl::ResourceExhaustedError("libcurl: no memory");
  curl_easy_reset(easy);
  // The empty string keeps libcurl from waiting for a 100 that this server does not send well.
  curl_slist* headers = curl_slist_append(nullptr, "Expect:");
  if (version_ >= kCompressBodies && body.size() >= kWorthCompressing && !request.query.empty()) {
    Compress(body, 1, &packed);
    body = packed;
    headers = curl_slist_append(headers, "Content-Encoding: zstd");
  }
  Exchange exchange;
  exchange.easy = easy;
  exchange.more = request.more;
  exchange.progress = &progress_;
  exchange.cancelled = request.cancelled;
  char error[CURL_ERROR_SIZE] = "";
  curl_easy_setopt(easy, CURLOPT_URL, url.c_str());
  curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(easy, CURLOPT_PROXY, "");
  curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers);
  curl_easy_setopt(easy, CURLOPT_POST, 1L);
  curl_easy_setopt(easy, CURLOPT_POSTFIELDS, body.data());
  curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(body.size()));
  curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, kConnectMs);
  curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS,
                   request.reads ? (address_.seconds + 30) * 1000L : kInsertMs);
  curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, error);
  curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, OnBody);
  curl_easy_setopt(easy, CURLOPT_WRITEDATA, &exchange);
  curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, OnHeader);
  curl_easy_setopt(easy, CURLOPT_HEADERDATA, &exchange);
  if (request.reads && *request.cancelled) {
    curl_easy_setopt(easy, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(easy, CURLOPT_XFERINFOFUNCTION, OnTransfer);
    curl_easy_setopt(easy, CURLOPT_XFERINFODATA, &exchange);
  }
  if (!address_.user.empty()) {
    curl_easy_setopt(easy, CURLOPT_USERNAME, address_.user.c_str());
    curl_easy_setopt(easy, CURLOPT_PASSWORD, address_.password.c_str());
  }
  if (!address_.ca_file.empty()) curl_easy_setopt(easy, CURLOPT_CAINFO, address_.ca_file.c_str());
  const CURLcode code = curl_easy_perform(easy);
  long status = 0;
  curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
  curl_slist_free_all(headers);
  Give(std::move(connection));

  *reached = code != CURLE_COULDNT_CONNECT && code != CURLE_COULDNT_RESOLVE_HOST;
  const bool cancelled = code == CURLE_ABORTED_BY_CALLBACK;
  // Old servers do not notice that nobody waits for the answer.
  if (cancelled || !exchange.refused.ok()) EndQuery(query_id, host);
  if (cancelled) return absl::CancelledError("cancelled");
  if (!exchange.refused.ok()) return exchange.refused;
  if (code != CURLE_OK) {
    return absl::UnavailableError(absl::StrCat("ClickHouse at ", at.name, ":", at.port, ": ",
                                               error[0] != 0 ? error : curl_easy_strerror(code)));
  }
  if (status == 200 && !exchange.has_exception) return absl::OkStatus();
  const int number = CodeOf(exchange.error);
  std::string words = exchange.error.substr(0, kLongestMessage);
  std::replace(words.begin(), words.end(), '\n', ' ');
  if (const std::string away = ServersIn(exchange.error); number == kShardAway && !away.empty())
    words = absl::StrCat("no replica of a shard answers: ", away);
  return absl::Status(
      number == kQuorumBusy ? absl::StatusCode::kAborted : StatusOf(number, status, exchange.error),
      absl::StrCat("ClickHouse at ", at.name, ":", at.port, ": ", words));
}

void ClickHouseClient::EndQuery(const std::string& query_id, std::size_t host) {
  const std::string sql = absl::StrCat("KILL QUERY WHERE query_id = '", query_id, "' ASYNC");
  const Settings none;
  Request request;
  request.body = sql;
  request.settings = &none;
  bool reached = false;
  Once(request, host, &reached).IgnoreError();  // it may have ended by itself
}

absl::Status ClickHouseClient::Perform(const Request& request) {
  using Clock = std::chrono::steady_clock;
  const Clock::time_point begin = Clock::now();
  thread_local std::mt19937 random{std::random_device{}()};
  absl::Status status;
  absl::Status told;  // by a server: more than that another one cannot be reached
  for (int attempt = 0;; ++attempt) {
    const std::size_t host = host_ % address_.hosts.size();
    bool reached = false;
    status = Once(request, host, &reached);
    const auto spent = Clock::now() - begin;
    if (absl::IsAborted(status) && spent < kQuorumWait) {
      std::this_thread::sleep_for(milliseconds(5 + random() % 25));
      continue;
    }
    if (absl::IsAborted(status)) return absl::UnavailableError(status.message());
    const bool full = !request.reads && absl::IsResourceExhausted(status);
    if (!absl::IsUnavailable(status) && !full) return status;
    // Elsewhere, if another thread has not moved on already.
    std::size_t expected = host;
    host_.compare_exchange_strong(expected, (host + 1) % address_.hosts.size());
    if (full) return status;
    if (reached) told = status;
    const bool again = request.reads
                           ? spent < kReadAgainFor
                           : !reached && attempt + 1 < static_cast<int>(address_.hosts.size());
    if (!again) return told.ok() ? status : told;
    if (request.restart != nullptr) (*request.restart)();
    if (static_cast<std::size_t>(attempt) % address_.hosts.size() == address_.hosts.size() - 1)
      std::this_thread::sleep_for(milliseconds(200));
  }
}

absl::StatusOr<std::unique_ptr<ClickHouseClient>> ClickHouseClient::Connect(
    const ClickHouseAddress& address) {
  InitCurl();
  std::unique_ptr<ClickHouseClient> client(new ClickHouseClient(address));
  const absl::StatusOr<std::string> version = client->Read("SELECT version()");
  if (!version.ok()) return version.status();
  const std::vector<std::string> parts = absl::StrSplit(*version, '.');
  int major = 0;
  int minor = 0;
  if (parts.size() < 2 || !absl::SimpleAtoi(parts[0], &major) ||
      !absl::SimpleAtoi(parts[1], &minor))
    return absl::FailedPreconditionError(
        absl::StrCat(address.ToString(), ": this is no ClickHouse server: it says ", *version));
  client->version_ = major * 1000 + minor;
  return client;
}

absl::StatusOr<std::string> ClickHouseClient::Read(std::string_view sql, const Settings& settings,
                                                   const Cancelled& cancelled) {
  std::string out;
  const absl::Status status = Stream(
      sql,
      [&](std::string_view piece) {
        out.append(piece);
        return absl::OkStatus();
      },
      [&] { out.clear(); }, settings, cancelled);
  if (!status.ok()) return status;
  return out;
}

absl::Status ClickHouseClient::Stream(std::string_view sql,
                                      const std::function<absl::Status(std::string_view)>& more,
                                      const std::function<void()>& restart,
                                      const Settings& settings, const Cancelled& cancelled) {
  Request request;
  request.reads = true;
  request.body = sql;
  request.settings = &settings;
  request.more = &more;
  request.restart = &restart;
  request.cancelled = &cancelled;
  return Perform(request);
}

absl::Status ClickHouseClient::Execute(std::string_view sql, const Settings& settings) {
  Request request;
  request.body = sql;
  request.settings = &settings;
  return Perform(request);
}

absl::Status ClickHouseClient::Insert(std::string_view table, std::string_view body,
                                      const Settings& settings) {
  const std::string query = absl::StrCat("INSERT INTO ", base::ToAbsl(table), " FORMAT RowBinary");
  Request request;
  request.query = query;
  request.body = body;
  request.settings = &settings;
  return Perform(request);
}

std::uint64_t RandomId() {
  thread_local std::random_device device;
  return static_cast<std::uint64_t>(device()) << 32 | device();
}

std::string Quoted(std::string_view text) {
  std::string out = "'";
  for (const char c : text) {
    if (c == '\'' || c == '\\') out.push_back('\\');
    if (c == '\0') {
      out += "\\0";
    } else {
      out.push_back(c);
    }
  }
  return out + "'";
}

}  // namespace upswing::store
