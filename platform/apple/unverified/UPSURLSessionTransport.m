#import "UPSURLSessionTransport.h"

@interface UPSURLSessionTransport () <NSURLSessionTaskDelegate>
@property(atomic, strong, nullable) NSURLSessionTask *running;
@end

@implementation UPSURLSessionTransport {
  NSURLSession *_session;
}

- (instancetype)init {
  self = [super init];
  if (self == nil) return nil;
  NSURLSessionConfiguration *configuration =
      [NSURLSessionConfiguration ephemeralSessionConfiguration];
  configuration.HTTPShouldSetCookies = NO;
  configuration.URLCache = nil;
  _session = [NSURLSession sessionWithConfiguration:configuration delegate:nil delegateQueue:nil];
  return self;
}

- (void)dealloc {
  [_session finishTasksAndInvalidate];
}

- (nullable UPSHTTPResponse *)sendRequest:(UPSHTTPRequest *)request {
  NSURL *url = [NSURL URLWithString:request.url];
  if (url == nil) return nil;
  NSMutableURLRequest *ask = [NSMutableURLRequest requestWithURL:url];
  ask.HTTPMethod = request.method;
  ask.timeoutInterval = request.timeout;
  ask.allHTTPHeaderFields = request.headers;
  if (request.body.length > 0) ask.HTTPBody = request.body;
  __block UPSHTTPResponse *answer = nil;
  dispatch_semaphore_t done = dispatch_semaphore_create(0);
  NSURLSessionDataTask *task = [_session
      dataTaskWithRequest:ask
        completionHandler:^(NSData *data, NSURLResponse *response, NSError *error) {
          if (error == nil && [response isKindOfClass:[NSHTTPURLResponse class]] &&
              data.length <= request.maxResponseBytes) {
            NSHTTPURLResponse *http = (NSHTTPURLResponse *)response;
            UPSHTTPResponse *made = [[UPSHTTPResponse alloc] init];
            made.status = http.statusCode;
            made.headers = http.allHeaderFields;
            made.body = data ?: [NSData data];
            answer = made;
          }
          dispatch_semaphore_signal(done);
        }];
  // No redirects: an answer of anybody else is a failure to retry.
  if (@available(iOS 15, macOS 12, *)) task.delegate = self;
  self.running = task;
  [task resume];
  dispatch_semaphore_wait(done, DISPATCH_TIME_FOREVER);
  self.running = nil;
  return answer;
}

- (void)URLSession:(NSURLSession *)session
                          task:(NSURLSessionTask *)task
    willPerformHTTPRedirection:(NSHTTPURLResponse *)response
                    newRequest:(NSURLRequest *)request
             completionHandler:(void (^)(NSURLRequest *_Nullable))completionHandler {
  completionHandler(nil);
}

- (void)cancel {
  [self.running cancel];
}

@end
