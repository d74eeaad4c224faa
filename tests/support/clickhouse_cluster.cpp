#include "tests/support/clickhouse_cluster.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <stdexcept>

namespace upswing::testing {
namespace {

constexpr int kTries = 3000;  // of 100 ms

sockaddr_in At(const std::string& address, int port) {
  sockaddr_in at{};
  at.sin_family = AF_INET;
  at.sin_port = htons(static_cast<std::uint16_t>(port));
  inet_pton(AF_INET, address.c_str(), &at.sin_addr);
  return at;
}

int Connect(const std::string& address, int port) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const sockaddr_in at = At(address, port);
  if (connect(fd, reinterpret_cast<const sockaddr*>(&at), sizeof at) == 0) return fd;
  close(fd);
  return -1;
}

void Pause() { std::this_thread::sleep_for(std::chrono::milliseconds(100)); }

// What comes as an answer to one request until the connection ends or nothing comes for `seconds`:
// a program that is just starting may accept a connection and forget it.
std::string Exchange(int port, const std::string& request, int seconds) {
  const int fd = Connect("127.0.0.1", port);
  if (fd < 0) return "";
  const timeval patience{seconds, 0};
  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  std::size_t sent = 0;
  while (sent < request.size()) {
    const ssize_t n = send(fd, request.data() + sent, request.size() - sent, MSG_NOSIGNAL);
    if (n <= 0) break;
    sent += static_cast<std::size_t>(n);
  }
  std::string answer;
  char buffer[65536];
  for (;;) {
    const ssize_t n = recv(fd, buffer, sizeof buffer, 0);
    if (n <= 0) break;
    answer.append(buffer, static_cast<std::size_t>(n));
  }
  close(fd);
  return answer;
}

// The body of an answer in chunks.
std::string Body(const std::string& answer) {
  const std::size_t end = answer.find("\r\n\r\n");
  if (end == std::string::npos) return "";
  if (answer.substr(0, end).find("chunked") == std::string::npos) return answer.substr(end + 4);
  std::string body;
  std::size_t at = end + 4;
  while (at < answer.size()) {
    const std::size_t line = answer.find("\r\n", at);
    const auto size = static_cast<std::size_t>(std::strtoul(answer.c_str() + at, nullptr, 16));
    if (size == 0 || line == std::string::npos) break;
    body.append(answer, line + 2, size);
    at = line + 2 + size + 2;
  }
  return body;
}

void Write(const std::string& path, const std::string& text) {
  std::ofstream(path, std::ios::binary) << text;
}

[[noreturn]] void Missing(const char* what) {
  std::fprintf(
      stderr,
      "clickhouse_cluster: %s is not there; `sh platform/debian/packages.sh test` installs "
      "what the tests start\n",
      what);
  std::exit(1);
}

// The program with a small disk at `folder`, which nobody else sees there.
std::vector<std::string> OnSmallDisk(const std::string& folder,
                                     const std::vector<std::string>& program) {
  std::vector<std::string> command = {"/usr/bin/unshare",
                                      "--user",
                                      "--map-root-user",
                                      "--mount",
                                      "/bin/sh",
                                      "-c",
                                      "mount -t tmpfs -o size=192m small \"$0\" && exec \"$@\"",
                                      folder};
  command.insert(command.end(), program.begin(), program.end());
  return command;
}

}  // namespace

std::vector<int> FreePorts(std::size_t count) {
  std::vector<int> sockets;
  std::vector<int> ports;
  for (std::size_t i = 0; i < count; ++i) {
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in at = At("127.0.0.1", 0);
    socklen_t size = sizeof at;
    bind(fd, reinterpret_cast<sockaddr*>(&at), sizeof at);
    getsockname(fd, reinterpret_cast<sockaddr*>(&at), &size);
    sockets.push_back(fd);
    ports.push_back(ntohs(at.sin_port));
  }
  for (const int fd : sockets) close(fd);
  return ports;
}

Relay::Relay(const std::string& listen_address, int port, const std::string& target_address,
             int target_port)
    : target_(target_address), target_port_(target_port) {
  listener_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const int on = 1;
  setsockopt(listener_, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  const sockaddr_in at = At(listen_address, port);
  if (bind(listener_, reinterpret_cast<const sockaddr*>(&at), sizeof at) != 0 ||
      listen(listener_, 64) != 0)
    throw std::runtime_error("relay: cannot listen");
  acceptor_ = std::thread([this] { Accept(); });
}

Relay::~Relay() {
  stop_ = true;
  acceptor_.join();
  while (open_ > 0) std::this_thread::sleep_for(std::chrono::milliseconds(5));
  close(listener_);
}

void Relay::Accept() {
  while (!stop_) {
    pollfd wait{listener_, POLLIN, 0};
    if (poll(&wait, 1, 50) <= 0) continue;
    const int from = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    if (from < 0) continue;
    if (cut_) {
      close(from);
      continue;
    }
    ++open_;
    std::thread([this, from] {
      Pass(from);
      --open_;
    }).detach();
  }
}

void Relay::Pass(int from) {
  const int to = Connect(target_, target_port_);
  // A side that has sent all may still wait for the answer.
  pollfd both[2] = {{from, POLLIN, 0}, {to, POLLIN, 0}};
  int ended = to < 0 ? 2 : 0;
  while (ended < 2 && !stop_ && !cut_) {
    if (poll(both, 2, 50) < 0) break;
    for (int i = 0; i < 2; ++i) {
      if (both[i].fd < 0 || (both[i].revents & (POLLIN | POLLHUP | POLLERR)) == 0) continue;
      const int other = i == 0 ? to : from;
      char buffer[65536];
      const ssize_t n = recv(both[i].fd, buffer, sizeof buffer, 0);
      if (n > 0 && send(other, buffer, static_cast<std::size_t>(n), MSG_NOSIGNAL) == n) continue;
      shutdown(other, SHUT_WR);
      both[i].fd = -1;
      ++ended;
    }
  }
  if (to >= 0) close(to);
  close(from);
}

ClickHouseCluster::ClickHouseCluster(int shards, int replicas, int small_disk)
    : shards_(shards), replicas_(replicas), small_disk_(small_disk) {
  if (access("/usr/sbin/clickhouse-server", X_OK) != 0) Missing("clickhouse-server");
  const bool alone = shards * replicas == 1;
  const std::vector<int> ports = FreePorts(static_cast<std::size_t>(shards * replicas) * 3 + 1);
  coordinator_port_ = ports.back();
  if (!alone) {
    if (access("/usr/share/java/zookeeper.jar", R_OK) != 0) Missing("zookeeper");
    StartCoordinator();
  }
  for (int i = 0; i < shards * replicas; ++i) {
    ServerPorts& server = servers_.emplace_back();
    const auto at = static_cast<std::size_t>(i) * 3;
    server.http = ports[at];
    server.tcp = ports[at + 1];
    server.interserver = ports[at + 2];
    server.shard = i / replicas;
    server.replica = i % replicas;
    // Servers tell each other the second address, and listen on the first.
    if (!alone)
      server.relay =
          std::make_unique<Relay>("127.0.0.2", server.interserver, "127.0.0.1", server.interserver);
  }
  for (int i = 0; i < this->servers(); ++i) {
    Configure(i);
    Start(i);
  }
  WaitUntilReady();
  if (!alone)
    for (int i = 0; i < this->servers(); ++i) FirstStatementOnCluster(i);
}

ClickHouseCluster::~ClickHouseCluster() {
  for (ServerPorts& server : servers_)
    if (server.process != nullptr) server.process->Signal(SIGKILL);
  servers_.clear();
}

std::string ClickHouseCluster::Folder(int server) const {
  return folder_ / ("server" + std::to_string(server));
}

void ClickHouseCluster::Configure(int number) const {
  const ServerPorts& server = servers_[static_cast<std::size_t>(number)];
  const std::string folder = Folder(number);
  for (const char* sub : {"/data", "/tmp", "/files", "/schemas"})
    std::filesystem::create_directories(folder + sub);
  Write(folder + "/users.xml",
        "<yandex><profiles><default><max_memory_usage>2000000000</max_memory_usage>"
        "</default></profiles><users><default><password></password><networks><ip>127.0.0.1</ip>"
        "</networks><profile>default</profile><quota>default</quota></default></users>"
        "<quotas><default></default></quotas></yandex>");
  std::string remote;
  for (int shard = 0; shard < shards_; ++shard) {
    remote += "<shard><internal_replication>true</internal_replication>";
    for (const ServerPorts& other : servers_)
      if (other.shard == shard)
        remote += "<replica><host>127.0.0.1</host><port>" + std::to_string(other.tcp) +
                  "</port></replica>";
    remote += "</shard>";
  }
  const bool alone = servers_.size() == 1;
  const auto port = [](int n) { return std::to_string(n); };
  Write(folder + "/config.xml",
        "<yandex><logger><level>warning</level><log>" + folder + "/log</log><errorlog>" + folder +
            "/errors</errorlog></logger><http_port>" + port(server.http) +
            "</http_port><tcp_port>" + port(server.tcp) + "</tcp_port><interserver_http_port>" +
            port(server.interserver) + "</interserver_http_port><interserver_http_host>" +
            (alone ? "127.0.0.1" : "127.0.0.2") +
            "</interserver_http_host><listen_host>127.0.0.1</listen_host><path>" + folder +
            "/data/</path><tmp_path>" + folder + "/tmp/</tmp_path><user_files_path>" + folder +
            "/files/</user_files_path><format_schema_path>" + folder +
            "/schemas/</format_schema_path><users_config>users.xml</users_config>"
            "<mark_cache_size>33554432</mark_cache_size><timezone>UTC</timezone>"
            "<max_concurrent_queries>200</max_concurrent_queries>"
            // Merged parts keep their many files for eight minutes otherwise.
            "<merge_tree><old_parts_lifetime>10</old_parts_lifetime><cleanup_delay_period>5"
            "</cleanup_delay_period></merge_tree>" +
            (alone ? ""
                   : "<zookeeper><node><host>127.0.0.1</host><port>" + port(coordinator_port_) +
                         "</port></node><session_timeout_ms>10000</session_timeout_ms></zookeeper>"
                         "<macros><shard>" +
                         port(server.shard) + "</shard><replica>" + port(server.replica) +
                         "</replica></macros><remote_servers><test>" + remote +
                         "</test></remote_servers><distributed_ddl><path>/ddl</path>"
                         "</distributed_ddl>") +
            "</yandex>");
}

void ClickHouseCluster::Start(int server) {
  std::vector<std::string> command = {"/usr/sbin/clickhouse-server",
                                      "--config-file=" + Folder(server) + "/config.xml"};
  if (server == small_disk_) command = OnSmallDisk(Folder(server) + "/data", command);
  servers_[static_cast<std::size_t>(server)].process =
      std::make_unique<Process>(command, Folder(server) + "/out");
}

// The first statement ON CLUSTER sometimes ends 18.16: it uses a session with the coordinator that
// its own thread has not opened yet. A service manager starts the server again, and so does this.
void ClickHouseCluster::FirstStatementOnCluster(int server) {
  for (int i = 0; i < kTries; ++i, Pause()) {
    if (!servers_[static_cast<std::size_t>(server)].process->Running()) Start(server);
    const std::string answer = Ask(server, "CREATE DATABASE IF NOT EXISTS ready ON CLUSTER test");
    if (!answer.empty() && answer.find("xception") == std::string::npos) return;
  }
  throw std::runtime_error("a ClickHouse server takes no statement ON CLUSTER");
}

void ClickHouseCluster::Kill(int server) {
  auto& process = servers_[static_cast<std::size_t>(server)].process;
  process->Signal(SIGKILL);
  process->Wait();
  process.reset();
}

bool ClickHouseCluster::CanLimitDisks() {
  const TemporaryFolder folder;
  return RunProgram(OnSmallDisk(folder.path().string(), {"/bin/true"})).status == 0;
}

// The disk as its server sees it.
std::string ClickHouseCluster::Ballast() const {
  const auto& process = servers_[static_cast<std::size_t>(small_disk_)].process;
  return "/proc/" + std::to_string(process->pid()) + "/root" + Folder(small_disk_) +
         "/data/ballast";
}

void ClickHouseCluster::FillDisk() {
  std::ofstream file(Ballast(), std::ios::binary);
  const std::string piece(65536, 'x');
  std::size_t pieces = 0;
  while (file.write(piece.data(), static_cast<std::streamsize>(piece.size())).flush()) ++pieces;
  if (pieces == 0) throw std::runtime_error("the small disk cannot be filled: " + Ballast());
}

void ClickHouseCluster::EmptyDisk() { std::filesystem::remove(Ballast()); }

void ClickHouseCluster::StartCoordinator() {
  const std::string config = folder_ / "coordinator.cfg";
  Write(config, "tickTime=500\ndataDir=" + (folder_ / "coordinator") +
                    "\nclientPort=" + std::to_string(coordinator_port_) +
                    "\nclientPortAddress=127.0.0.1\nadmin.enableServer=false\n"
                    "4lw.commands.whitelist=ruok\nmaxClientCnxns=0\n");
  // Processes are killed here, not the machine: nothing has to be synced.
  coordinator_ = std::make_unique<Process>(
      std::vector<std::string>{"/usr/bin/java", "-Xmx256m", "-Dzookeeper.forceSync=no", "-cp",
                               "/usr/share/java/zookeeper.jar:/usr/share/java/*",
                               "org.apache.zookeeper.server.quorum.QuorumPeerMain", config},
      folder_ / "coordinator.log");
  for (int i = 0; i < kTries; ++i, Pause())
    if (Exchange(coordinator_port_, "ruok", 2) == "imok") return;
  throw std::runtime_error("the coordinator did not start: " + coordinator_->Log());
}

void ClickHouseCluster::StopCoordinator() {
  coordinator_->Signal(SIGKILL);
  coordinator_->Wait();
  coordinator_.reset();
}

void ClickHouseCluster::CutReplication() {
  for (ServerPorts& server : servers_) server.relay->Cut();
}

void ClickHouseCluster::MendReplication() {
  for (ServerPorts& server : servers_) server.relay->Mend();
}

std::string ClickHouseCluster::Ask(int server, const std::string& sql) const {
  return Body(Exchange(servers_[static_cast<std::size_t>(server)].http,
                       "POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: " +
                           std::to_string(sql.size()) + "\r\n\r\n" + sql,
                       120));
}

bool ClickHouseCluster::Answers(int server) const { return Ask(server, "SELECT 1") == "1\n"; }

void ClickHouseCluster::WaitUntilReady() const {
  for (int i = 0; i < kTries; ++i, Pause()) {
    bool ready = true;
    for (int server = 0; server < servers(); ++server)
      ready = ready &&
              Ask(server,
                  "SELECT count() FROM system.replicas WHERE is_readonly OR is_session_expired") ==
                  "0\n";
    if (ready) return;
  }
  std::string logs;
  for (const ServerPorts& server : servers_)
    if (server.process != nullptr) logs += server.process->Log();
  throw std::runtime_error("a ClickHouse server did not start: " + logs);
}

std::string ClickHouseCluster::Url(const std::string& database, int first) const {
  std::string hosts;
  for (std::size_t i = 0; i < servers_.size(); ++i) {
    const ServerPorts& server = servers_[(i + static_cast<std::size_t>(first)) % servers_.size()];
    hosts += (hosts.empty() ? "127.0.0.1:" : ",127.0.0.1:") + std::to_string(server.http);
  }
  return "clickhouse://" + hosts + "/" + database +
         (servers_.size() == 1 ? "" : "?cluster=test&quorum=" + std::to_string(replicas_));
}

}  // namespace upswing::testing
