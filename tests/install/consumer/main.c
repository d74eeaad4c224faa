#include <upswing/upswing.h>

/* An offline client decides by the caller's default and says why. */
int main(void) {
  upswing_options options;
  upswing_client* client = NULL;
  upswing_subject* user = NULL;
  upswing_decision decision;
  decision.size = sizeof(decision);
  if (upswing_options_init(&options, sizeof(options)) != UPSWING_OK) return 1;
  if (upswing_client_create(&options, &client, NULL) != UPSWING_OK) return 1;
  if (upswing_subject_create(&user) != UPSWING_OK) return 1;
  if (upswing_subject_set_unit(user, UPSWING_STR("user"), UPSWING_STR("u")) != UPSWING_OK) return 1;
  if (upswing_client_decide(client, UPSWING_STR("card"), user, &decision) != UPSWING_OK) return 1;
  upswing_subject_destroy(user);
  upswing_client_destroy(client);
  return decision.reason == UPSWING_REASON_NO_CATALOG ? 0 : 1;
}
