#include "tests/support/real_server.hpp"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <utility>

#include "server/store/chunk.hpp"
#include "server/store/embedded/embedded_store.hpp"

namespace upswing::testing {
namespace {

void Need(const absl::Status& status) {
  if (status.ok()) return;
  std::cerr << "the server's store: " << status << "\n";
  std::abort();
}

template <class T>
T Need(absl::StatusOr<T> value) {
  Need(value.status());
  return *std::move(value);
}

}  // namespace

RealServer::RealServer(std::string data) : data_(std::move(data)) {
  std::filesystem::remove_all(data_);
  server_.emplace(data_);
}

RealServer::~RealServer() {
  server_.reset();
  std::filesystem::remove_all(data_);
}

FaultProxy::Upstream RealServer::upstream() const {
  return RelayTo(std::atoi(server_->url().substr(server_->url().rfind(':') + 1).c_str()));
}

void RealServer::KillAndRestart() {
  server_->Kill();
  server_->Restart();
}

std::vector<double> RealServer::StopAndReadValues() {
  server_.reset();
  const auto store = Need(store::EmbeddedStore::Open({.directory = data_, .background = false}));
  Need(store->Compact(true));
  const auto snapshot = Need(store->Snapshot());
  std::vector<double> values;
  for (int shard = 0; shard < snapshot->shards(); ++shard) {
    for (const auto& chunk : snapshot->Chunks("user", shard, store::Lane::kEvents, "purchase")) {
      std::vector<double> of_chunk;
      const std::string bytes = Need(snapshot->Read(chunk));
      const auto reader = Need(store::ChunkReader::Open(bytes));
      Need(reader.ReadValues(&of_chunk));
      values.insert(values.end(), of_chunk.begin(), of_chunk.end());
    }
  }
  std::sort(values.begin(), values.end());
  return values;
}

}  // namespace upswing::testing
