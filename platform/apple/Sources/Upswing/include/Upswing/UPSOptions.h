#import "UPSMacros.h"
#import "UPSTransport.h"
#import "UPSTypes.h"

NS_ASSUME_NONNULL_BEGIN

/// Receives what the library has to say, from its own threads. Must not call back into the client.
NS_SWIFT_NAME(LogSink)
@protocol UPSLogSink <NSObject>
- (void)logLevel:(UPSLogLevel)level message:(NSString*)message;
@end

/// What a client is made with. upswing/options.hpp has the ranges; `clientWithOptions:error:` names
/// what is out of range.
NS_SWIFT_NAME(Options)
@interface UPSOptions : NSObject {
 @private
  NSString* _serverURL;
  NSString* _apiKey;
  NSString* _storageDirectory;
  UPSConsent _consent;
  UPSApplyPolicy _applyPolicy;
  NSData* _bundledCatalog;
  NSTimeInterval _pollInterval;
  BOOL _fetchWithoutConsent;
  NSTimeInterval _flushInterval;
  NSTimeInterval _maxBackoff;
  NSTimeInterval _meteredInterval;
  uint32_t _batchRecords;
  uint64_t _queueBytes;
  uint64_t _spoolBytes;
  NSDictionary<NSString*, NSString*>* _overrides;
  NSArray<NSString*>* _trustedKeys;
  id<UPSLogSink> _log;
  id<UPSTransport> _transport;
}

/// Scheme, host and optional port and path prefix; empty: offline.
@property(nonatomic, copy) NSString* serverURL;
/// A key with scope "client".
@property(nonatomic, copy) NSString* apiKey;
/// A folder of the library's own, e.g. in Application Support; empty: nothing is written.
@property(nonatomic, copy) NSString* storageDirectory;
/// Default: unknown, which sends and writes nothing.
@property(nonatomic) UPSConsent consent;
@property(nonatomic) UPSApplyPolicy applyPolicy;
/// Bytes that came with the app.
@property(nonatomic, copy, nullable) NSData* bundledCatalog;
/// In seconds; 0: never.
@property(nonatomic) NSTimeInterval pollInterval;
@property(nonatomic) BOOL fetchWithoutConsent;
@property(nonatomic) NSTimeInterval flushInterval;
@property(nonatomic) NSTimeInterval maxBackoff;
@property(nonatomic) NSTimeInterval meteredInterval;
@property(nonatomic) uint32_t batchRecords;
@property(nonatomic) uint64_t queueBytes;
@property(nonatomic) uint64_t spoolBytes;
/// Variants to force by experiment, for development and QA; such exposures are not analysed.
@property(nonatomic, copy) NSDictionary<NSString*, NSString*>* overrides;
/// Of those who may sign catalogs: "ed25519//<base64>".
@property(nonatomic, copy) NSArray<NSString*>* trustedKeys;
@property(nonatomic, strong, nullable) id<UPSLogSink> log;
/// The app's own HTTP stack in the place of libcurl.
@property(nonatomic, strong, nullable) id<UPSTransport> transport;

@end

NS_ASSUME_NONNULL_END
