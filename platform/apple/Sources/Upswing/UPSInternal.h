// What the classes of this library share. Compiles with and without ARC.
#import <upswing/upswing.h>

#import "Upswing/Upswing.h"

#if __has_feature(objc_arc)
#define UPS_AUTORELEASE(object) (object)
#define UPS_RELEASE(object) ((void)0)
#define UPS_SUPER_DEALLOC
#define UPS_BRIDGE __bridge
#else
#define UPS_AUTORELEASE(object) [(object) autorelease]
#define UPS_RELEASE(object) [(object) release]
#define UPS_SUPER_DEALLOC [super dealloc]
#define UPS_BRIDGE
#endif

NS_ASSUME_NONNULL_BEGIN

/// Valid until the caller's autorelease pool ends.
static inline upswing_str UPSStr(NSString* _Nullable text) {
  upswing_str out;
  out.data = [text UTF8String];
  out.len = [text lengthOfBytesUsingEncoding:NSUTF8StringEncoding];
  return out;
}

static inline NSString* UPSString(upswing_str text) {
  NSString* string = [[NSString alloc] initWithBytes:text.len == 0 ? "" : text.data
                                              length:text.len
                                            encoding:NSUTF8StringEncoding];
  return string == nil ? @"" : UPS_AUTORELEASE(string);
}

static inline int64_t UPSMilliseconds(NSTimeInterval seconds) {
  return (int64_t)(seconds * 1000 + (seconds < 0 ? -0.5 : 0.5));
}

@interface UPSSubject ()
@property(nonatomic, readonly) upswing_subject* handle;
@end

@interface UPSDecision ()
- (instancetype)initWithDecision:(const upswing_decision*)decision;
@property(nonatomic, readonly) const upswing_decision* decision;
@end

@interface UPSFlushResult ()
- (instancetype)initWithResult:(const upswing_flush_result*)result;
@end

@interface UPSOptions ()
/// The C struct; what it points to lives until the autorelease pool ends, and `transport` is for
/// the client to fill in.
- (upswing_options)toOptions;
@end

/// The C callbacks of an `id<UPSTransport>`, which it retains.
upswing_transport UPSMakeTransport(id<UPSTransport> transport);
/// Of one whose client was not made.
void UPSReleaseTransport(upswing_transport* transport);

NS_ASSUME_NONNULL_END
