#import "UPSInternal.h"

@implementation UPSOptions
@synthesize serverURL = _serverURL, apiKey = _apiKey, storageDirectory = _storageDirectory,
            consent = _consent, applyPolicy = _applyPolicy, bundledCatalog = _bundledCatalog,
            pollInterval = _pollInterval, fetchWithoutConsent = _fetchWithoutConsent,
            flushInterval = _flushInterval, maxBackoff = _maxBackoff,
            meteredInterval = _meteredInterval, batchRecords = _batchRecords,
            queueBytes = _queueBytes, spoolBytes = _spoolBytes, overrides = _overrides,
            trustedKeys = _trustedKeys, log = _log, transport = _transport;

- (instancetype)init {
  self = [super init];
  if (self == nil) return nil;
  upswing_options defaults;
  upswing_options_init(&defaults, sizeof(defaults));
  _serverURL = @"";
  _apiKey = @"";
  _storageDirectory = @"";
  _consent = UPSConsentUnknown;
  _pollInterval = (NSTimeInterval)defaults.poll_interval_ms / 1000;
  _flushInterval = (NSTimeInterval)defaults.flush_interval_ms / 1000;
  _maxBackoff = (NSTimeInterval)defaults.max_backoff_ms / 1000;
  _meteredInterval = (NSTimeInterval)defaults.metered_interval_ms / 1000;
  _batchRecords = defaults.batch_records;
  _queueBytes = defaults.queue_bytes;
  _spoolBytes = defaults.spool_bytes;
  _overrides = [[NSDictionary alloc] init];
  _trustedKeys = [[NSArray alloc] init];
  return self;
}

- (void)dealloc {
  UPS_RELEASE(_serverURL);
  UPS_RELEASE(_apiKey);
  UPS_RELEASE(_storageDirectory);
  UPS_RELEASE(_bundledCatalog);
  UPS_RELEASE(_overrides);
  UPS_RELEASE(_trustedKeys);
  UPS_RELEASE(_log);
  UPS_RELEASE(_transport);
  UPS_SUPER_DEALLOC;
}

- (upswing_options)toOptions {
  upswing_options out;
  upswing_options_init(&out, sizeof(out));
  out.server_url = UPSStr(_serverURL);
  out.api_key = UPSStr(_apiKey);
  out.storage_directory = UPSStr(_storageDirectory);
  out.consent = (upswing_consent)_consent;
  out.apply = (upswing_apply)_applyPolicy;
  out.bundled_catalog.data = [_bundledCatalog bytes];
  out.bundled_catalog.len = [_bundledCatalog length];
  out.poll_interval_ms = UPSMilliseconds(_pollInterval);
  out.fetch_without_consent = _fetchWithoutConsent ? 1 : 0;
  out.flush_interval_ms = UPSMilliseconds(_flushInterval);
  out.max_backoff_ms = UPSMilliseconds(_maxBackoff);
  out.metered_interval_ms = UPSMilliseconds(_meteredInterval);
  out.batch_records = _batchRecords;
  out.queue_bytes = _queueBytes;
  out.spool_bytes = _spoolBytes;

  const NSUInteger forced = [_overrides count];
  upswing_override *overrides =
      [[NSMutableData dataWithLength:forced * sizeof(upswing_override)] mutableBytes];
  NSUInteger i = 0;
  for (NSString *experiment in _overrides) {
    overrides[i].experiment = UPSStr(experiment);
    overrides[i].variant = UPSStr([_overrides objectForKey:experiment]);
    ++i;
  }
  out.overrides = overrides;
  out.override_count = forced;

  const NSUInteger trusted = [_trustedKeys count];
  upswing_str *keys = [[NSMutableData dataWithLength:trusted * sizeof(upswing_str)] mutableBytes];
  for (i = 0; i < trusted; ++i) keys[i] = UPSStr([_trustedKeys objectAtIndex:i]);
  out.trusted_keys = keys;
  out.trusted_key_count = trusted;
  return out;
}

@end
