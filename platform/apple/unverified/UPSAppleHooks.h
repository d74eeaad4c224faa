#import <Upswing/Upswing.h>

NS_ASSUME_NONNULL_BEGIN

/// Ties a client to an app of iOS or macOS: flushes within a background task when the app leaves
/// the foreground, and passes on what the system says about the network.
NS_SWIFT_NAME(AppleHooks)
@interface UPSAppleHooks : NSObject
/// `budget` in seconds; the system grants about 30.
- (instancetype)initWithClient:(UPSClient*)client budget:(NSTimeInterval)budget;
- (instancetype)init NS_UNAVAILABLE;
- (void)invalidate;
@end

NS_ASSUME_NONNULL_END
