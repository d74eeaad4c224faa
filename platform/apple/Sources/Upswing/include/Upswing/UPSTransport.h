#import "UPSMacros.h"

NS_ASSUME_NONNULL_BEGIN

/// One request of the library.
NS_SWIFT_NAME(HTTPRequest)
@interface UPSHTTPRequest : NSObject {
 @private
  NSString* _method;
  NSString* _url;
  NSDictionary<NSString*, NSString*>* _headers;
  NSData* _body;
  NSTimeInterval _timeout;
  uint64_t _maxResponseBytes;
}
@property(nonatomic, copy) NSString* method;
@property(nonatomic, copy) NSString* url;
@property(nonatomic, copy) NSDictionary<NSString*, NSString*>* headers;
@property(nonatomic, copy) NSData* body;
/// For the whole exchange, connecting included.
@property(nonatomic) NSTimeInterval timeout;
/// A larger response body must be answered with nil.
@property(nonatomic) uint64_t maxResponseBytes;
@end

/// The answer to one request.
NS_SWIFT_NAME(HTTPResponse)
@interface UPSHTTPResponse : NSObject {
 @private
  NSInteger _status;
  NSDictionary<NSString*, NSString*>* _headers;
  NSData* _body;
}
@property(nonatomic) NSInteger status;
@property(nonatomic, copy) NSDictionary<NSString*, NSString*>* headers;
@property(nonatomic, copy) NSData* body;
@end

/// How the library talks HTTP: an app may hand in its own stack. Follow no redirects, keep no
/// cookies, add no credentials, reuse connections. Must not call back into the client.
NS_SWIFT_NAME(HTTPTransport)
@protocol UPSTransport <NSObject>
/// Sends one request and waits for the response; nil: none came. Called from the library's own
/// thread, one request at a time.
- (nullable UPSHTTPResponse*)sendRequest:(UPSHTTPRequest*)request;
/// Makes a running `sendRequest:` return nil soon. Called from any thread.
- (void)cancel;
@end

NS_ASSUME_NONNULL_END
