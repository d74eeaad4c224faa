#include <utility>

#include "server/http/service.hpp"

namespace upswing::http {

void AddBatchRoutes(Service* service, Router* router) {
  router->Add({"POST", "/v1/batches", {access::Scope::kClient}, [service](Call call) {
                 const ingest::IngestHeaders headers{
                     .sent_at = call.request.Header("upswing-sent-at"),
                     .batch = call.request.Header("upswing-batch")};
                 service->project->ingest().Submit(
                     headers, call.request.body,
                     [respond = std::move(call.respond)](ingest::IngestResponse answer) {
                       respond({.status = answer.status,
                                .content_type = std::move(answer.content_type),
                                .body = std::move(answer.body),
                                .headers = std::move(answer.headers)});
                     });
               }});
}

}  // namespace upswing::http
