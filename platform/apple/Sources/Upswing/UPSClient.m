#import <math.h>
#import <string.h>

#import "UPSInternal.h"

NSString *const UPSErrorDomain = @"Upswing";

@implementation UPSFlushResult
- (instancetype)initWithResult:(const upswing_flush_result *)result {
  self = [super init];
  if (self == nil) return nil;
  _sent = result->sent;
  _kept = result->kept;
  _dropped = result->dropped;
  return self;
}
- (uint64_t)sent {
  return _sent;
}
- (uint64_t)kept {
  return _kept;
}
- (uint64_t)dropped {
  return _dropped;
}
@end

@implementation UPSTrackOptions
@synthesize properties = _properties, date = _date, eventID = _eventID, refID = _refID;

- (instancetype)init {
  self = [super init];
  if (self == nil) return nil;
  _properties = [[NSDictionary alloc] init];
  _eventID = @"";
  _refID = @"";
  return self;
}

- (void)dealloc {
  UPS_RELEASE(_properties);
  UPS_RELEASE(_date);
  UPS_RELEASE(_eventID);
  UPS_RELEASE(_refID);
  UPS_SUPER_DEALLOC;
}
@end

static void Log(void *user, upswing_log_level level, upswing_str message) {
  @autoreleasepool {
    [(UPS_BRIDGE id<UPSLogSink>)user logLevel:(UPSLogLevel)level message:UPSString(message)];
  }
}

// What a listener's `user` points to: gone through under its own lock, so that an observer that was
// removed is not called again.
@interface UPSListener : NSObject {
 @public
  id<UPSCatalogObserver> observer;
  uint64_t number;
}
@end
@implementation UPSListener
- (void)dealloc {
  UPS_RELEASE(observer);
  UPS_SUPER_DEALLOC;
}
@end

static void CatalogChanged(void *user, uint64_t version) {
  @autoreleasepool {
    UPSListener *listener = (UPS_BRIDGE UPSListener *)user;
    id<UPSCatalogObserver> observer = nil;
    @synchronized(listener) {
      observer = listener->observer;
#if !__has_feature(objc_arc)
      [[(id)observer retain] autorelease];
#endif
    }
    [observer catalogDidChangeToVersion:version];
  }
}

static upswing_decision Sized(void) {
  upswing_decision decision;
  memset(&decision, 0, sizeof(decision));
  decision.size = sizeof(decision);
  decision.reason = UPSWING_REASON_NO_CATALOG;
  decision.bucket = UPSWING_NO_BUCKET;
  decision.rule_index = -1;
  return decision;
}

static UPSDecision *Made(upswing_decision decision) {
  return UPS_AUTORELEASE([[UPSDecision alloc] initWithDecision:&decision]);
}

// `_listeners`: under @synchronized; until the client ends.
@implementation UPSClient

- (instancetype)initWithOptions:(UPSOptions *)options error:(NSError **)error {
  self = [super init];
  if (self == nil) return nil;
  _listeners = [[NSMutableArray alloc] init];
  upswing_options raw = [options toOptions];
  if ([options log] != nil) {
#if __has_feature(objc_arc)
    _log = [options log];
#else
    _log = [(id)[options log] retain];
#endif
    raw.log = Log;
    raw.log_user = (UPS_BRIDGE void *)_log;
  }
  upswing_transport transport;
  if ([options transport] != nil) {
    transport = UPSMakeTransport([options transport]);
    raw.transport = &transport;
  }
  upswing_text *text = NULL;
  const upswing_status status = upswing_client_create(&raw, &_client, &text);
  if (status == UPSWING_OK) return self;
  if (raw.transport != NULL) UPSReleaseTransport(&transport);
  if (error != NULL) {
    NSDictionary *info = [NSDictionary dictionaryWithObject:UPSString(upswing_text_view(text))
                                                     forKey:NSLocalizedDescriptionKey];
    *error = [NSError errorWithDomain:UPSErrorDomain code:status userInfo:info];
  }
  upswing_text_destroy(text);
  UPS_RELEASE(self);
  return nil;
}

+ (instancetype)clientWithOptions:(UPSOptions *)options error:(NSError **)error {
  return UPS_AUTORELEASE([[self alloc] initWithOptions:options error:error]);
}

- (void)dealloc {
  // Ends the library's threads, and with them every callback.
  upswing_client_destroy(_client);
  UPS_RELEASE(_log);
  UPS_RELEASE(_listeners);
  UPS_SUPER_DEALLOC;
}

#pragma mark Flags

- (BOOL)boolForFlag:(NSString *)flag subject:(UPSSubject *)subject otherwise:(BOOL)otherwise {
  return upswing_client_bool(_client, UPSStr(flag), [subject handle], otherwise ? 1 : 0) != 0;
}
- (int64_t)integerForFlag:(NSString *)flag
                  subject:(UPSSubject *)subject
                otherwise:(int64_t)otherwise {
  return upswing_client_int(_client, UPSStr(flag), [subject handle], otherwise);
}
- (double)doubleForFlag:(NSString *)flag
                subject:(UPSSubject *)subject
              otherwise:(double)otherwise {
  return upswing_client_double(_client, UPSStr(flag), [subject handle], otherwise);
}
- (NSString *)stringForFlag:(NSString *)flag
                    subject:(UPSSubject *)subject
                  otherwise:(NSString *)otherwise {
  return UPSString(
      upswing_client_string(_client, UPSStr(flag), [subject handle], UPSStr(otherwise)));
}
- (NSString *)JSONForFlag:(NSString *)flag
                  subject:(UPSSubject *)subject
                otherwise:(NSString *)otherwise {
  return UPSString(upswing_client_json(_client, UPSStr(flag), [subject handle], UPSStr(otherwise)));
}

#pragma mark Decisions

- (UPSDecision *)decide:(NSString *)experiment subject:(UPSSubject *)subject {
  upswing_decision decision = Sized();
  upswing_client_decide(_client, UPSStr(experiment), [subject handle], &decision);
  return Made(decision);
}
- (UPSDecision *)decideFlag:(NSString *)flag subject:(UPSSubject *)subject {
  upswing_decision decision = Sized();
  upswing_client_decide_flag(_client, UPSStr(flag), [subject handle], &decision);
  return Made(decision);
}
- (UPSDecision *)peek:(NSString *)experiment subject:(UPSSubject *)subject {
  upswing_decision decision = Sized();
  upswing_client_peek(_client, UPSStr(experiment), [subject handle], &decision);
  return Made(decision);
}
- (UPSDecision *)peekFlag:(NSString *)flag subject:(UPSSubject *)subject {
  upswing_decision decision = Sized();
  upswing_client_peek_flag(_client, UPSStr(flag), [subject handle], &decision);
  return Made(decision);
}

- (NSArray<UPSDecision *> *)decideAllForSubject:(UPSSubject *)subject {
  NSMutableArray<UPSDecision *> *out = [NSMutableArray array];
  upswing_decisions *decisions = NULL;
  if (upswing_decisions_create(&decisions) == UPSWING_OK) {
    upswing_client_decide_all(_client, [subject handle], decisions);
    for (size_t i = 0; i < upswing_decisions_count(decisions); ++i) {
      upswing_decision decision = Sized();
      upswing_decisions_get(decisions, i, &decision);
      [out addObject:Made(decision)];
    }
  }
  upswing_decisions_destroy(decisions);
  return out;
}

- (BOOL)expose:(UPSDecision *)decision subject:(UPSSubject *)subject date:(NSDate *)date {
  if (decision == nil) return NO;
  const upswing_decision *raw = [decision decision];
  if (date == nil) return upswing_client_expose(_client, raw, [subject handle]) == UPSWING_OK;
  return upswing_client_expose_at(_client, raw, [subject handle],
                                  UPSMilliseconds([date timeIntervalSince1970])) == UPSWING_OK;
}

- (NSString *)explain:(NSString *)key subject:(UPSSubject *)subject {
  upswing_text *text = NULL;
  if (upswing_client_explain(_client, UPSStr(key), [subject handle], &text) != UPSWING_OK) {
    return nil;
  }
  NSString *out = UPSString(upswing_text_view(text));
  upswing_text_destroy(text);
  return out;
}

#pragma mark Events

// A number is a boolean, an integer or a double by what it was made from.
static BOOL FillValue(id from, upswing_value *to) {
  if ([from isKindOfClass:[NSString class]]) {
    to->type = UPSWING_TYPE_STRING;
    to->text = UPSStr(from);
    return YES;
  }
  if (![from isKindOfClass:[NSNumber class]]) return NO;
  const char *const made = [from objCType];
  if (strcmp(made, @encode(double)) == 0 || strcmp(made, @encode(float)) == 0) {
    to->type = UPSWING_TYPE_DOUBLE;
    to->real = [from doubleValue];
  } else if (from == [NSNumber numberWithBool:YES] || from == [NSNumber numberWithBool:NO]) {
    to->type = UPSWING_TYPE_BOOL;
    to->boolean = [from boolValue] ? 1 : 0;
  } else {
    to->type = UPSWING_TYPE_INT;
    to->integer = [from longLongValue];
  }
  return YES;
}

- (BOOL)track:(NSString *)name subject:(UPSSubject *)subject {
  return [self track:name subject:subject value:1 options:nil];
}

- (BOOL)track:(NSString *)name
      subject:(UPSSubject *)subject
        value:(double)value
      options:(UPSTrackOptions *)options {
  if (options == nil) {
    return upswing_client_track(_client, [subject handle], UPSStr(name), value, NULL) == UPSWING_OK;
  }
  NSDictionary *properties = [options properties];
  NSMutableData *room = [NSMutableData dataWithLength:[properties count] * sizeof(upswing_property)];
  upswing_property *const list = [room mutableBytes];
  size_t count = 0;
  for (NSString *key in properties) {
    list[count].name = UPSStr(key);
    if (!FillValue([properties objectForKey:key], &list[count].value)) return NO;
    ++count;
  }
  upswing_track_options raw;
  memset(&raw, 0, sizeof(raw));
  raw.size = sizeof(raw);
  raw.properties = list;
  raw.property_count = count;
  raw.time_ms = [options date] == nil ? UPSWING_NOW
                                      : UPSMilliseconds([[options date] timeIntervalSince1970]);
  raw.event_id = UPSStr([options eventID]);
  raw.ref_id = UPSStr([options refID]);
  return upswing_client_track(_client, [subject handle], UPSStr(name), value, &raw) == UPSWING_OK;
}

#pragma mark Delivery

- (UPSFlushResult *)flushWithTimeout:(NSTimeInterval)timeout {
  upswing_flush_result result = {sizeof(result), 0, 0, 0};
  upswing_client_flush(_client, UPSMilliseconds(timeout), &result);
  return UPS_AUTORELEASE([[UPSFlushResult alloc] initWithResult:&result]);
}
- (UPSFlushResult *)closeWithTimeout:(NSTimeInterval)timeout {
  upswing_flush_result result = {sizeof(result), 0, 0, 0};
  upswing_client_close(_client, UPSMilliseconds(timeout), &result);
  return UPS_AUTORELEASE([[UPSFlushResult alloc] initWithResult:&result]);
}
- (void)networkBack {
  upswing_client_network_back(_client);
}
- (void)setNetwork:(UPSNetwork)network {
  upswing_client_set_network(_client, (upswing_network)network);
}
- (void)setConsent:(UPSConsent)consent {
  upswing_client_set_consent(_client, (upswing_consent)consent);
}
- (void)setAPIKey:(NSString *)key {
  upswing_client_set_api_key(_client, UPSStr(key));
}
- (void)purge {
  upswing_client_purge(_client);
}

#pragma mark Catalogs

- (BOOL)supplyCatalog:(NSData *)catalog {
  const upswing_str bytes = {[catalog bytes], [catalog length]};
  return upswing_client_supply_catalog(_client, bytes) == UPSWING_OK;
}

- (BOOL)activate {
  int32_t changed = 0;
  upswing_client_activate(_client, &changed);
  return changed != 0;
}

- (uint64_t)addCatalogObserver:(id<UPSCatalogObserver>)observer {
  UPSListener *listener = UPS_AUTORELEASE([[UPSListener alloc] init]);
#if __has_feature(objc_arc)
  listener->observer = observer;
#else
  listener->observer = [(id)observer retain];
#endif
  @synchronized(_listeners) {
    [_listeners addObject:listener];
    upswing_client_add_catalog_listener(_client, CatalogChanged, (UPS_BRIDGE void *)listener,
                                        &listener->number);
  }
  return listener->number;
}

- (void)removeCatalogObserver:(uint64_t)number {
  upswing_client_remove_catalog_listener(_client, number);
  @synchronized(_listeners) {
    for (UPSListener *listener in _listeners) {
      if (listener->number != number) continue;
      @synchronized(listener) {
        UPS_RELEASE(listener->observer);
        listener->observer = nil;
      }
    }
  }
}

#pragma mark What is going on

- (uint64_t)catalogVersion {
  upswing_stats stats;
  stats.size = sizeof(stats);
  return upswing_client_stats(_client, &stats) == UPSWING_OK ? stats.catalog_version : 0;
}

- (NSDictionary<NSString *, NSNumber *> *)stats {
  upswing_stats s;
  memset(&s, 0, sizeof(s));
  s.size = sizeof(s);
  upswing_client_stats(_client, &s);
#define UPS_STAT(field) [NSNumber numberWithUnsignedLongLong:s.field], @ #field
  return [NSDictionary
      dictionaryWithObjectsAndKeys:UPS_STAT(queued), UPS_STAT(deduplicated), UPS_STAT(batched),
                                   UPS_STAT(acknowledged), UPS_STAT(dropped),
                                   UPS_STAT(dropped_queue_full), UPS_STAT(dropped_spool_full),
                                   UPS_STAT(dropped_expired), UPS_STAT(dropped_too_large),
                                   UPS_STAT(dropped_spool_failed), UPS_STAT(dropped_spool_corrupt),
                                   UPS_STAT(dropped_rejected), UPS_STAT(dropped_consent),
                                   UPS_STAT(dropped_invalid), UPS_STAT(batches_sent),
                                   UPS_STAT(batches_acknowledged), UPS_STAT(retries),
                                   UPS_STAT(bytes_sent), UPS_STAT(spooled_batches),
                                   UPS_STAT(spooled_records), UPS_STAT(spooled_bytes),
                                   UPS_STAT(unwritten_batches), UPS_STAT(catalog_version), nil];
#undef UPS_STAT
}

- (NSString *)lastError {
  char text[1024];
  size_t size = 0;
  if (upswing_client_last_error(_client, text, sizeof(text), &size) != UPSWING_OK) return @"";
  const upswing_str view = {text, size};
  return UPSString(view);
}

@end
