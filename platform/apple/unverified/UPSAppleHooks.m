#import "UPSAppleHooks.h"

#import <Network/Network.h>
#import <TargetConditionals.h>
#if TARGET_OS_IPHONE
#import <UIKit/UIKit.h>
#else
#import <AppKit/AppKit.h>
#endif

@implementation UPSAppleHooks {
  UPSClient *_hookedClient;
  NSTimeInterval _hookedBudget;
  dispatch_queue_t _queue;
  nw_path_monitor_t _monitor;
}

- (instancetype)initWithClient:(UPSClient *)client budget:(NSTimeInterval)budget {
  self = [super init];
  if (self == nil) return nil;
  _hookedClient = client;
  _hookedBudget = budget;
  _queue = dispatch_queue_create("upswing.hooks", DISPATCH_QUEUE_SERIAL);
  NSNotificationCenter *center = [NSNotificationCenter defaultCenter];
#if TARGET_OS_IPHONE
  [center addObserver:self
             selector:@selector(toBackground:)
                 name:UIApplicationDidEnterBackgroundNotification
               object:nil];
  [center addObserver:self
             selector:@selector(toForeground:)
                 name:UIApplicationWillEnterForegroundNotification
               object:nil];
#else
  [center addObserver:self
             selector:@selector(toBackground:)
                 name:NSApplicationWillTerminateNotification
               object:nil];
#endif
  _monitor = nw_path_monitor_create();
  nw_path_monitor_set_queue(_monitor, _queue);
  __weak UPSClient *weak = client;
  nw_path_monitor_set_update_handler(_monitor, ^(nw_path_t path) {
    if (nw_path_get_status(path) != nw_path_status_satisfied) {
      [weak setNetwork:UPSNetworkOffline];
      return;
    }
    const BOOL metered = nw_path_is_expensive(path) || nw_path_is_constrained(path);
    [weak setNetwork:metered ? UPSNetworkMetered : UPSNetworkUnmetered];
    [weak networkBack];
  });
  nw_path_monitor_start(_monitor);
  return self;
}

- (void)dealloc {
  [self invalidate];
}

- (void)invalidate {
  [[NSNotificationCenter defaultCenter] removeObserver:self];
  if (_monitor != nil) nw_path_monitor_cancel(_monitor);
  _monitor = nil;
}

- (void)toBackground:(NSNotification *)notification {
#if TARGET_OS_IPHONE
  UIApplication *application = [UIApplication sharedApplication];
  __block UIBackgroundTaskIdentifier task = UIBackgroundTaskInvalid;
  task = [application beginBackgroundTaskWithName:@"upswing.flush"
                                expirationHandler:^{
                                  [application endBackgroundTask:task];
                                  task = UIBackgroundTaskInvalid;
                                }];
  UPSClient *client = _hookedClient;
  const NSTimeInterval budget = _hookedBudget;
  dispatch_async(_queue, ^{
    [client flushWithTimeout:budget];
    dispatch_async(dispatch_get_main_queue(), ^{
      if (task != UIBackgroundTaskInvalid) [application endBackgroundTask:task];
      task = UIBackgroundTaskInvalid;
    });
  });
#else
  [_hookedClient flushWithTimeout:_hookedBudget];
#endif
}

- (void)toForeground:(NSNotification *)notification {
  [_hookedClient networkBack];
}

@end
