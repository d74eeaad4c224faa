/* The smallest app that does everything: what the linker keeps for it is what the SDK adds to an
 * app. */
#include <upswing/upswing.h>

static volatile int32_t sink;

static upswing_status send_nothing(void* user, const upswing_http_request* request,
                                   upswing_http_response* response) {
  (void)user;
  (void)request;
  upswing_http_response_set_status(response, 503);
  upswing_http_response_add_header(response, UPSWING_STR("a"), UPSWING_STR("b"));
  return upswing_http_response_add_body(response, UPSWING_STR(""));
}

static void changed(void* user, uint64_t version) {
  (void)user;
  sink = (int32_t)version;
}

int main(void) {
  upswing_options options;
  upswing_transport transport = {sizeof(upswing_transport), NULL, send_nothing, NULL, NULL, NULL};
  upswing_client* client = NULL;
  upswing_subject* user = NULL;
  upswing_decisions* all = NULL;
  upswing_decision decision;
  upswing_flush_result result;
  upswing_stats stats;
  upswing_text* text = NULL;
  upswing_key key;
  uint64_t number = 0;
  upswing_options_init(&options, sizeof(options));
  if (sink != 0) options.transport = &transport;
  if (upswing_client_create(&options, &client, &text) != UPSWING_OK) return 1;
  upswing_text_destroy(text);
  upswing_subject_create(&user);
  upswing_subject_set_unit(user, UPSWING_STR("user"), UPSWING_STR("u"));
  upswing_subject_set_string(user, UPSWING_STR("a"), UPSWING_STR("b"));
  upswing_subject_set_int(user, UPSWING_STR("a"), 1);
  upswing_subject_set_double(user, UPSWING_STR("a"), 1);
  upswing_subject_set_bool(user, UPSWING_STR("a"), 1);
  upswing_subject_set_time_ms(user, UPSWING_STR("a"), 1);
  upswing_subject_set_strings(user, UPSWING_STR("a"), NULL, 0);
  upswing_client_add_catalog_listener(client, changed, NULL, &number);
  upswing_client_supply_catalog(client, UPSWING_STR("no catalog"));
  upswing_client_activate(client, NULL);
  decision.size = sizeof(decision);
  upswing_client_decide(client, UPSWING_STR("e"), user, &decision);
  upswing_client_expose(client, &decision, user);
  upswing_client_flag_key(client, UPSWING_STR("f"), &key);
  sink = upswing_client_bool_by_key(client, &key, user, 0);
  sink = upswing_client_bool(client, UPSWING_STR("f"), user, 0);
  sink = (int32_t)upswing_client_int(client, UPSWING_STR("f"), user, 0);
  sink = (int32_t)upswing_client_double(client, UPSWING_STR("f"), user, 0);
  sink = (int32_t)upswing_client_string(client, UPSWING_STR("f"), user, UPSWING_STR("")).len;
  sink = (int32_t)upswing_client_json(client, UPSWING_STR("f"), user, UPSWING_STR("")).len;
  upswing_decisions_create(&all);
  upswing_client_decide_all(client, user, all);
  upswing_decisions_destroy(all);
  text = NULL;
  upswing_client_explain(client, UPSWING_STR("e"), user, &text);
  upswing_text_destroy(text);
  upswing_client_track(client, user, UPSWING_STR("e"), 1, NULL);
  stats.size = sizeof(stats);
  upswing_client_stats(client, &stats);
  upswing_client_set_consent(client, UPSWING_CONSENT_GRANTED);
  upswing_client_set_network(client, UPSWING_NETWORK_UNKNOWN);
  upswing_client_purge(client);
  result.size = sizeof(result);
  upswing_client_flush(client, 0, &result);
  upswing_client_close(client, 0, &result);
  upswing_subject_destroy(user);
  upswing_client_destroy(client);
  return 0;
}
