#include "tests/support/fake_server.hpp"

#include "sdk/base/hash.hpp"
#include "sdk/wire/batch.hpp"

namespace upswing::testing {
namespace {

HttpResponse Respond(int status, const wire::BatchId& id, std::string body) {
  HttpResponse response;
  response.status = status;
  response.headers.emplace_back(wire::kBatchHeader, wire::FormatBatchId(id));
  response.body = std::move(body);
  return response;
}

std::string Units(const wire::Batch& batch, std::uint32_t row) {
  std::string text;
  for (std::uint32_t i = batch.subjects.first[row]; i < batch.subjects.first[row + 1]; ++i) {
    if (!text.empty()) text += ",";
    text += std::string(batch.strings[batch.subjects.unit_type[i]]) + "=" +
            std::string(batch.strings[batch.subjects.unit_id[i]]);
  }
  return text;
}

}  // namespace

HttpResponse FakeServer::Post(const std::string& batch_header, const std::string& bytes) {
  const std::lock_guard lock(mutex_);
  const std::optional<wire::BatchId> id = wire::ParseBatchId(batch_header);
  if (!id) return {404, {}, "no batch id"};
  wire::Decoder decoder;
  wire::Batch batch;
  if (!decoder.Decode(bytes, {}, &batch).ok() || batch.header.id != *id) {
    return Respond(400, *id, "not a batch");
  }
  if (batch.records() > largest_batch_) return Respond(413, *id, "too large");
  const std::uint64_t checksum = base::Hash64(bytes);
  wire::Answer answer;
  const auto ancestor = [&](std::uint64_t sequence) {
    return wire::BatchId{id->epoch_hi, id->epoch_lo, sequence};
  };
  if (const auto known = known_.find(*id); known != known_.end()) {
    if (known->second.state == State::kSplit) return Respond(413, *id, "send its parts");
    if (known->second.checksum != checksum) {
      answer.conflict = true;
      ++conflicts_;
    } else {
      answer.duplicate = true;
      ++duplicates_;
    }
    return Respond(200, *id, wire::FormatAnswer(answer));
  }
  known_[*id] = {State::kStored, checksum};
  for (const std::uint64_t sequence : batch.header.ancestors) {
    const auto known = known_.find(ancestor(sequence));
    if (known != known_.end() && known->second.state == State::kStored) {
      answer.duplicate = true;
      ++duplicates_;
      return Respond(200, *id, wire::FormatAnswer(answer));
    }
  }
  for (const std::uint64_t sequence : batch.header.ancestors) {
    known_[ancestor(sequence)] = {State::kSplit, 0};
  }
  std::set<std::uint32_t> refused;
  for (const wire::Problem& problem : batch.problems) {
    refused.insert(problem.record);
    answer.rejected.push_back({problem.record, 1, std::string(wire::ProblemName(problem.kind))});
  }
  for (std::uint32_t i = 0; i < batch.records(); ++i) {
    if (refused.count(i) != 0) continue;
    ++answer.accepted;
    if (i < batch.exposures.size()) {
      const wire::ExposureColumns& e = batch.exposures;
      lines_.push_back("exposure " + Units(batch, e.subject[i]) + " " +
                       std::string(batch.strings[e.experiment[i]]) + " " +
                       std::string(batch.strings[e.variant[i]]));
    } else {
      const std::size_t v = i - batch.exposures.size();
      lines_.push_back("event " + Units(batch, batch.events.subject[v]) + " " +
                       std::string(batch.strings[batch.events.name[v]]) + " " +
                       std::to_string(batch.events.value[v]));
    }
  }
  return Respond(200, *id, wire::FormatAnswer(answer));
}

std::vector<std::string> FakeServer::Lines() const {
  const std::lock_guard lock(mutex_);
  return lines_;
}

FaultProxy::Upstream ToServer(FakeServer* server) {
  return [server](const FaultProxy::Request& request) -> std::string {
    if (request.cut_off) return {};
    const HttpResponse answer = server->Post(request.Header("upswing-batch"), request.body);
    std::string raw = "HTTP/1.1 " + std::to_string(answer.status) +
                      " X\r\nContent-Length: " + std::to_string(answer.body.size()) + "\r\n";
    for (const auto& [name, value] : answer.headers) raw += name + ": " + value + "\r\n";
    return raw + "\r\n" + answer.body;
  };
}

}  // namespace upswing::testing
