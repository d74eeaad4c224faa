// The SDK from Objective-C in one screen: decide, show, track, and say what was delivered.
//
//   upswing serve --data data --catalog samples/feed_shop/catalog.json --insecure-no-auth
//   sample_objc http://127.0.0.1:8080 d-1
#import <Upswing/Upswing.h>
#include <stdio.h>

int main(int argc, const char **argv) {
  int status = 1;
  @autoreleasepool {
    if (argc != 3) {
      fprintf(stderr, "usage: sample_objc SERVER_URL DEVICE_ID\n");
      return 2;
    }
    UPSOptions *options = [[UPSOptions alloc] init];
    options.serverURL = [NSString stringWithUTF8String:argv[1]];
    options.consent = UPSConsentGranted;
    NSError *error = nil;
    UPSClient *client = [UPSClient clientWithOptions:options error:&error];
    if (client == nil) {
      fprintf(stderr, "%s\n", [[error localizedDescription] UTF8String]);
      return 1;
    }
    // An app would show its defaults meanwhile; this program waits for the first catalog.
    for (int i = 0; i < 100 && client.catalogVersion == 0; ++i) {
      [NSThread sleepForTimeInterval:0.1];
    }
    UPSSubject *device = [UPSSubject subjectWithUnit:@"device"
                                          identifier:[NSString stringWithUTF8String:argv[2]]];
    [device setString:@"gold" forName:@"member_tier"];

    const BOOL oneTap = [client boolForFlag:@"checkout.one_tap" subject:device otherwise:NO];
    printf("one-tap checkout: %s\n", oneTap ? "on" : "off");
    UPSDecision *decision = [client peek:@"one_tap" subject:device];
    printf("variant: %s, %s\n", [decision.variant UTF8String], [decision.reasonName UTF8String]);
    UPSTrackOptions *more = [[UPSTrackOptions alloc] init];
    more.properties = [NSDictionary dictionaryWithObject:@"beauty" forKey:@"category"];
    [client track:@"purchase" subject:device value:129.00 options:more];

    UPSFlushResult *result = [client closeWithTimeout:10];
    printf("%llu records delivered, %llu kept, %llu dropped\n", (unsigned long long)result.sent,
           (unsigned long long)result.kept, (unsigned long long)result.dropped);
    status = result.sent > 0 && result.dropped == 0 ? 0 : 1;
#if !__has_feature(objc_arc)
    [more release];
    [options release];
#endif
  }
  return status;
}
