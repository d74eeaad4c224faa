#import "UPSDecision.h"
#import "UPSMacros.h"
#import "UPSOptions.h"
#import "UPSSubject.h"
#import "UPSTypes.h"

NS_ASSUME_NONNULL_BEGIN

/// What became of the records that were waiting.
NS_SWIFT_NAME(FlushResult)
@interface UPSFlushResult : NSObject {
 @private
  uint64_t _sent;
  uint64_t _kept;
  uint64_t _dropped;
}
/// Acknowledged by the server.
@property(nonatomic, readonly) uint64_t sent;
/// Still in the spool.
@property(nonatomic, readonly) uint64_t kept;
/// Lost meanwhile, and counted.
@property(nonatomic, readonly) uint64_t dropped;
@end

/// More about an event than its name and value.
NS_SWIFT_NAME(TrackOptions)
@interface UPSTrackOptions : NSObject {
 @private
  NSDictionary<NSString*, id>* _properties;
  NSDate* _date;
  NSString* _eventID;
  NSString* _refID;
}
/// NSString or NSNumber (a boolean, an integer, or else a double) by name.
@property(nonatomic, copy) NSDictionary<NSString*, id>* properties;
/// When it happened; nil: now.
@property(nonatomic, copy, nullable) NSDate* date;
/// The caller's id, e.g. an order number: reported twice, the event counts once.
@property(nonatomic, copy) NSString* eventID;
/// `eventID` of the event that this one refers to, e.g. the purchase that a refund undoes.
@property(nonatomic, copy) NSString* refID;
@end

/// Called after a catalog came into force, from the library's thread or from the call that did it.
NS_SWIFT_NAME(CatalogObserver)
@protocol UPSCatalogObserver <NSObject>
- (void)catalogDidChangeToVersion:(uint64_t)version;
@end

/// Decides and reports. One per app and project. Any thread may call anything. Decisions never
/// fail, never wait and do no I/O. What is queued when it is deallocated goes to disk.
NS_SWIFT_NAME(Client)
@interface UPSClient : NSObject {
 @private
  struct upswing_client* _client;
  id<UPSLogSink> _log;
  NSMutableArray* _listeners;
}

/// Returns at once with the best catalog at hand. The error names the option that is wrong.
+ (nullable instancetype)clientWithOptions:(UPSOptions*)options
                                     error:(NSError* _Nullable* _Nullable)error;
- (instancetype)init NS_UNAVAILABLE;

// Flags: an exposure is logged when an experiment decides.
- (BOOL)boolForFlag:(NSString*)flag
            subject:(UPSSubject*)subject
          otherwise:(BOOL)otherwise NS_SWIFT_NAME(bool(_:subject:otherwise:));
- (int64_t)integerForFlag:(NSString*)flag
                  subject:(UPSSubject*)subject
                otherwise:(int64_t)otherwise NS_SWIFT_NAME(integer(_:subject:otherwise:));
- (double)doubleForFlag:(NSString*)flag
                subject:(UPSSubject*)subject
              otherwise:(double)otherwise NS_SWIFT_NAME(double(_:subject:otherwise:));
- (NSString*)stringForFlag:(NSString*)flag
                   subject:(UPSSubject*)subject
                 otherwise:(NSString*)otherwise NS_SWIFT_NAME(string(_:subject:otherwise:));
/// The text of a JSON flag.
- (NSString*)JSONForFlag:(NSString*)flag
                 subject:(UPSSubject*)subject
               otherwise:(NSString*)otherwise NS_SWIFT_NAME(json(_:subject:otherwise:));

// Decisions. The first two log an exposure if the subject is in; the next two do not.
- (UPSDecision*)decide:(NSString*)experiment
               subject:(UPSSubject*)subject NS_SWIFT_NAME(decide(_:subject:));
- (UPSDecision*)decideFlag:(NSString*)flag
                   subject:(UPSSubject*)subject NS_SWIFT_NAME(decideFlag(_:subject:));
- (UPSDecision*)peek:(NSString*)experiment
             subject:(UPSSubject*)subject NS_SWIFT_NAME(peek(_:subject:));
- (UPSDecision*)peekFlag:(NSString*)flag
                 subject:(UPSSubject*)subject NS_SWIFT_NAME(peekFlag(_:subject:));
/// For every experiment, in the catalog's order, without exposures.
- (NSArray<UPSDecision*>*)decideAllForSubject:(UPSSubject*)subject
    NS_SWIFT_NAME(decideAll(subject:));
/// Logs a decision that was peeked at, when it is rendered; at `date` if there is one. NO for a
/// decision of another client.
- (BOOL)expose:(UPSDecision*)decision subject:(UPSSubject*)subject date:(nullable NSDate*)date;
/// How the decision comes about, for people; nil if nothing is called so.
- (nullable NSString*)explain:(NSString*)key
                      subject:(UPSSubject*)subject NS_SWIFT_NAME(explain(_:subject:));

// Events. NO for a property or date that is not allowed.
- (BOOL)track:(NSString*)name subject:(UPSSubject*)subject NS_SWIFT_NAME(track(_:subject:));
- (BOOL)track:(NSString*)name
      subject:(UPSSubject*)subject
        value:(double)value
      options:(nullable UPSTrackOptions*)options NS_SWIFT_NAME(track(_:subject:value:options:));

// Delivery. `timeout` in seconds, in [0, 24 h].
- (UPSFlushResult*)flushWithTimeout:(NSTimeInterval)timeout NS_SWIFT_NAME(flush(timeout:));
/// Flushes, then stops for good: later records are dropped and counted, decisions go on.
- (UPSFlushResult*)closeWithTimeout:(NSTimeInterval)timeout NS_SWIFT_NAME(close(timeout:));
/// The network is back: tries at once what waits for a retry.
- (void)networkBack;
- (void)setNetwork:(UPSNetwork)network;
- (void)setConsent:(UPSConsent)consent;
/// A new key, e.g. after the old one was refused.
- (void)setAPIKey:(NSString*)key;
/// Drops every record that was not acknowledged, and what was remembered about units.
- (void)purge;

// Catalogs.
/// Hands in catalog bytes as if the server had sent them; NO if they do not verify.
- (BOOL)supplyCatalog:(NSData*)catalog NS_SWIFT_NAME(supply(catalog:));
/// Puts in force what `UPSApplyPolicyOnActivate` holds back; whether there was something.
- (BOOL)activate;
/// The number is for `removeCatalogObserver:`. The observer is retained until then.
- (uint64_t)addCatalogObserver:(id<UPSCatalogObserver>)observer;
- (void)removeCatalogObserver:(uint64_t)number;

/// Of the catalog in force; 0: none.
@property(nonatomic, readonly) uint64_t catalogVersion;
/// Counters by the names of docs/concepts/delivery.md: queued, deduplicated, acknowledged, ...
@property(nonatomic, readonly) NSDictionary<NSString*, NSNumber*>* stats;
/// The last error of delivery or of the catalog, for people; empty if there was none.
@property(nonatomic, readonly) NSString* lastError;

@end

NS_ASSUME_NONNULL_END
