#import "UPSClient.h"
#import "UPSMacros.h"

NS_ASSUME_NONNULL_BEGIN

/// Ties a client to the app's life by its notifications: what is queued is put on disk and sent
/// when the app goes to the background, for at most the budget; what waits is tried at once when it
/// comes back. UIKit's names are in unverified/UPSAppleHooks.m.
NS_SWIFT_NAME(Lifecycle)
@interface UPSLifecycle : NSObject {
 @private
  UPSClient* _client;
  NSNotificationCenter* _center;
  NSTimeInterval _budget;
  UPSFlushResult* _lastFlush;
}

- (instancetype)initWithClient:(UPSClient*)client
                        center:(NSNotificationCenter*)center
                    background:(NSString*)background
                    foreground:(NSString*)foreground
                        budget:(NSTimeInterval)budget;
- (instancetype)init NS_UNAVAILABLE;

/// Of the last time in the background; nil before.
@property(atomic, readonly, nullable) UPSFlushResult* lastFlush;

/// Stops listening; also done by deallocation.
- (void)invalidate;

@end

NS_ASSUME_NONNULL_END
