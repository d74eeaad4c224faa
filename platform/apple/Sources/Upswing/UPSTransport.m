#import <stdlib.h>

#import "UPSInternal.h"

@implementation UPSHTTPRequest
@synthesize method = _method, url = _url, headers = _headers, body = _body, timeout = _timeout,
            maxResponseBytes = _maxResponseBytes;

- (void)dealloc {
  UPS_RELEASE(_method);
  UPS_RELEASE(_url);
  UPS_RELEASE(_headers);
  UPS_RELEASE(_body);
  UPS_SUPER_DEALLOC;
}
@end

@implementation UPSHTTPResponse
@synthesize status = _status, headers = _headers, body = _body;

- (void)dealloc {
  UPS_RELEASE(_headers);
  UPS_RELEASE(_body);
  UPS_SUPER_DEALLOC;
}
@end

// The object behind `user`, retained by hand in both memory models.
static id<UPSTransport> Of(void *user) { return (UPS_BRIDGE id<UPSTransport>)user; }

static upswing_status Fill(UPSHTTPResponse *answer, upswing_http_response *response) {
  if (answer == nil ||
      upswing_http_response_set_status(response, (int32_t)[answer status]) != UPSWING_OK) {
    return UPSWING_UNAVAILABLE;
  }
  for (NSString *name in [answer headers]) {
    upswing_http_response_add_header(response, UPSStr(name),
                                     UPSStr([[answer headers] objectForKey:name]));
  }
  NSData *body = [answer body];
  const upswing_str bytes = {[body bytes], [body length]};
  return upswing_http_response_add_body(response, bytes);
}

static upswing_status Send(void *user, const upswing_http_request *request,
                           upswing_http_response *response) {
  upswing_status status = UPSWING_UNAVAILABLE;
  @autoreleasepool {
    @try {
      UPSHTTPRequest *ask = UPS_AUTORELEASE([[UPSHTTPRequest alloc] init]);
      NSMutableDictionary *headers = [NSMutableDictionary dictionary];
      for (size_t i = 0; i < request->header_count; ++i) {
        [headers setObject:UPSString(request->headers[i].value)
                    forKey:UPSString(request->headers[i].name)];
      }
      [ask setMethod:UPSString(request->method)];
      [ask setUrl:UPSString(request->url)];
      [ask setHeaders:headers];
      [ask setBody:[NSData dataWithBytes:request->body.data length:request->body.len]];
      [ask setTimeout:(NSTimeInterval)request->timeout_ms / 1000];
      [ask setMaxResponseBytes:request->max_response_bytes];
      status = Fill([Of(user) sendRequest:ask], response);
    } @catch (id thrown) {
      // What the app's code throws must not run through the library.
      status = UPSWING_UNAVAILABLE;
    }
  }
  return status;
}

static void Cancel(void *user) {
  @autoreleasepool {
    [Of(user) cancel];
  }
}

static void Release(void *user) {
#if __has_feature(objc_arc)
  (void)(__bridge_transfer id)user;
#else
  [(id)user release];
#endif
}

upswing_transport UPSMakeTransport(id<UPSTransport> transport) {
  upswing_transport out = {0};
  out.size = sizeof(out);
#if __has_feature(objc_arc)
  out.user = (__bridge_retained void *)transport;
#else
  out.user = (void *)[transport retain];
#endif
  out.send = Send;
  out.cancel = Cancel;
  out.release = Release;
  return out;
}

void UPSReleaseTransport(upswing_transport *transport) { Release(transport->user); }
