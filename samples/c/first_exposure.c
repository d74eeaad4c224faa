/* The C interface in one screen: decide, show, track, and say what was delivered.
 *
 *   upswing serve --data data --catalog samples/feed_shop/catalog.json --insecure-no-auth
 *   sample_c http://127.0.0.1:8080 d-1 */
#define _POSIX_C_SOURCE 199309L
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <upswing/upswing.h>

static upswing_str text(const char* zero_terminated) {
  upswing_str str;
  str.data = zero_terminated;
  str.len = strlen(zero_terminated);
  return str;
}

/* An app would show its defaults meanwhile; this program waits, at most ten seconds, for the first
 * catalog. */
static void wait_for_catalog(const upswing_client* client) {
  int i;
  for (i = 0; i < 100; ++i) {
    const struct timespec tenth = {0, 100000000};
    upswing_stats stats;
    stats.size = sizeof(stats);
    if (upswing_client_stats(client, &stats) != UPSWING_OK || stats.catalog_version != 0) return;
    nanosleep(&tenth, NULL);
  }
}

int main(int argc, char** argv) {
  upswing_options options;
  upswing_client* client = NULL;
  upswing_subject* device = NULL;
  upswing_text* error = NULL;
  upswing_decision decision;
  upswing_property category;
  upswing_track_options more;
  upswing_flush_result result;
  int32_t one_tap;

  if (argc != 3) {
    fprintf(stderr, "usage: sample_c SERVER_URL DEVICE_ID\n");
    return 2;
  }
  upswing_options_init(&options, sizeof(options));
  options.server_url = text(argv[1]);
  if (upswing_client_create(&options, &client, &error) != UPSWING_OK) {
    const upswing_str why = upswing_text_view(error);
    fprintf(stderr, "%.*s\n", (int)why.len, why.data == NULL ? "" : why.data);
    upswing_text_destroy(error);
    return 1;
  }
  wait_for_catalog(client);

  if (upswing_subject_create(&device) != UPSWING_OK) return 1;
  upswing_subject_set_unit(device, UPSWING_STR("device"), text(argv[2]));
  upswing_subject_set_string(device, UPSWING_STR("member_tier"), UPSWING_STR("gold"));

  one_tap = upswing_client_bool(client, UPSWING_STR("checkout.one_tap"), device, 0);
  printf("one-tap checkout: %s\n", one_tap ? "on" : "off");
  decision.size = sizeof(decision);
  upswing_client_peek(client, UPSWING_STR("one_tap"), device, &decision);
  printf("variant: %s, %s\n", decision.variant.len == 0 ? "none" : decision.variant.data,
         upswing_reason_name(decision.reason).data);

  memset(&category, 0, sizeof(category));
  category.name = UPSWING_STR("category");
  category.value.type = UPSWING_TYPE_STRING;
  category.value.text = UPSWING_STR("beauty");
  memset(&more, 0, sizeof(more));
  more.size = sizeof(more);
  more.properties = &category;
  more.property_count = 1;
  more.time_ms = UPSWING_NOW;
  upswing_client_track(client, device, UPSWING_STR("purchase"), 129.00, &more);

  result.size = sizeof(result);
  if (upswing_client_close(client, 10000, &result) != UPSWING_OK) return 1;
  printf("%llu records delivered, %llu kept, %llu dropped\n", (unsigned long long)result.sent,
         (unsigned long long)result.kept, (unsigned long long)result.dropped);
  upswing_subject_destroy(device);
  upswing_client_destroy(client);
  return result.sent > 0 && result.dropped == 0 ? 0 : 1;
}
