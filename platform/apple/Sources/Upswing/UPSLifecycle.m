#import "UPSInternal.h"

@interface UPSLifecycle ()
@property(atomic, readwrite, strong, nullable) UPSFlushResult *lastFlush;
@end

@implementation UPSLifecycle
@synthesize lastFlush = _lastFlush;

- (instancetype)initWithClient:(UPSClient *)client
                        center:(NSNotificationCenter *)center
                    background:(NSString *)background
                    foreground:(NSString *)foreground
                        budget:(NSTimeInterval)budget {
  self = [super init];
  if (self == nil) return nil;
#if __has_feature(objc_arc)
  _client = client;
  _center = center;
#else
  _client = [client retain];
  _center = [center retain];
#endif
  _budget = budget;
  [_center addObserver:self selector:@selector(toBackground:) name:background object:nil];
  [_center addObserver:self selector:@selector(toForeground:) name:foreground object:nil];
  return self;
}

- (void)dealloc {
  [self invalidate];
  UPS_RELEASE(_client);
  UPS_RELEASE(_center);
  UPS_RELEASE(_lastFlush);
  UPS_SUPER_DEALLOC;
}

- (void)invalidate {
  [_center removeObserver:self];
}

- (void)toBackground:(NSNotification *)notification {
  (void)notification;
  [self setLastFlush:[_client flushWithTimeout:_budget]];
}

- (void)toForeground:(NSNotification *)notification {
  (void)notification;
  [_client networkBack];
}

@end
