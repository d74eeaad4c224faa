#import <Upswing/Upswing.h>

NS_ASSUME_NONNULL_BEGIN

/// The system's HTTP stack: its proxies, its trust, its connections.
NS_SWIFT_NAME(URLSessionTransport)
@interface UPSURLSessionTransport : NSObject <UPSTransport>
@end

NS_ASSUME_NONNULL_END
