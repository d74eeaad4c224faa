#include <upswing/client.hpp>
#include <upswing/version.hpp>

// An offline client decides by the caller's default and says why.
int main() {
  auto client = upswing::Client::Create({});
  if (!client.ok()) return 1;
  const upswing::Decision decision = (*client)->Decide("card", upswing::Subject("user", "u"));
  return decision.reason == upswing::Reason::kNoCatalog && upswing::kVersion[0] != '\0' ? 0 : 1;
}
