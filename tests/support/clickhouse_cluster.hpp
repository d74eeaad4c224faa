#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "tests/support/process.hpp"

namespace upswing::testing {

/// Lets bytes through between two ports of this machine, or cuts every connection.
class Relay {
 public:
  Relay(const std::string& listen_address, int port, const std::string& target_address,
        int target_port);
  ~Relay();
  /// Ends what is open and refuses more, until it is mended.
  void Cut() { cut_ = true; }
  void Mend() { cut_ = false; }

 private:
  void Accept();
  void Pass(int from);

  std::string target_;
  int target_port_;
  int listener_ = -1;
  std::atomic<bool> cut_{false};
  std::atomic<bool> stop_{false};
  std::atomic<int> open_{0};
  std::thread acceptor_;
};

/// Real ClickHouse servers on free loopback ports, with folders of their own; with more than one of
/// them also their coordinator (ZooKeeper). All of it ends with the object.
///
/// The programs are Debian's packages clickhouse-server and zookeeper; platform/debian/packages.sh
/// installs them. The constructor ends the test program with a message if they are not there.
class ClickHouseCluster {
 public:
  ClickHouseCluster(int shards, int replicas) : ClickHouseCluster(shards, replicas, -1) {}
  /// Likewise; the data of server `small_disk` lie on a disk of 192 MiB (a file system in memory,
  /// in a mount namespace of that server alone, which needs no rights of root). It cannot be
  /// killed: its disk would go with it.
  ClickHouseCluster(int shards, int replicas, int small_disk);
  ~ClickHouseCluster();

  /// For `--store`: all servers, beginning with `first`, and a database of this name.
  std::string Url(const std::string& database, int first = 0) const;
  int servers() const { return static_cast<int>(servers_.size()); }
  /// What a server answers to a query over HTTP; ends with the message where it is an error.
  std::string Ask(int server, const std::string& sql) const;
  /// True if the server answers at all.
  bool Answers(int server) const;
  /// Waits until all servers answer and every replicated table can be written.
  void WaitUntilReady() const;

  /// False where this user or this kernel does not make such namespaces.
  static bool CanLimitDisks();
  /// Something else takes all room on the small disk, until it is gone.
  void FillDisk();
  void EmptyDisk();

  void Kill(int server);  ///< kill -9.
  void Start(int server);
  void StopCoordinator();
  void StartCoordinator();
  /// The way on which replicas fetch each other's parts.
  void CutReplication();
  void MendReplication();

 private:
  struct ServerPorts {
    int http = 0, tcp = 0, interserver = 0;
    int shard = 0, replica = 0;
    std::unique_ptr<Process> process;
    std::unique_ptr<Relay> relay;
  };
  std::string Folder(int server) const;
  std::string Ballast() const;
  void Configure(int server) const;
  void FirstStatementOnCluster(int server);

  int shards_;
  int replicas_;
  int small_disk_;
  TemporaryFolder folder_;
  int coordinator_port_ = 0;
  std::unique_ptr<Process> coordinator_;
  std::vector<ServerPorts> servers_;
};

/// Ports that nobody listens on at the moment.
std::vector<int> FreePorts(std::size_t count);

}  // namespace upswing::testing
