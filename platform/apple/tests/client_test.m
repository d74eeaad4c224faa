// The Objective-C API on GNUstep Base against the real library.   apple_tests CATALOG
// CATALOG is platform/android/src/test/catalog.json, compiled.
#import <Upswing/Upswing.h>

#import "ups_test.h"

int ups_checks = 0;
int ups_failures = 0;

static NSData *catalog;

static UPSOptions *Options(void) {
  UPSOptions *options = [[[UPSOptions alloc] init] autorelease];
  [options setConsent:UPSConsentGranted];
  [options setBundledCatalog:catalog];
  [options setPollInterval:0];
  return options;
}

static UPSClient *Client(UPSOptions *options) {
  NSError *error = nil;
  UPSClient *client = [UPSClient clientWithOptions:options error:&error];
  EXPECT(client != nil && error == nil);
  return client;
}

static UPSSubject *User(void) { return [UPSSubject subjectWithUnit:@"user" identifier:@"u-1"]; }
static unsigned long long Stat(UPSClient *client, NSString *name) {
  return [[[client stats] objectForKey:name] unsignedLongLongValue];
}

static void ReadsEveryTypeOfFlagAndFallsBack(void) {
  UPSClient *client = Client(Options());
  UPSSubject *user = User();
  EXPECT([client boolForFlag:@"bool" subject:user otherwise:NO]);
  EXPECT([client integerForFlag:@"int" subject:user otherwise:3] == -7);
  EXPECT([client doubleForFlag:@"double" subject:user otherwise:3] == 0.5);
  EXPECT_TEXT([client stringForFlag:@"string" subject:user otherwise:@"x"], @"短视频 😀");
  EXPECT_TEXT([client JSONForFlag:@"json" subject:user otherwise:@"x"], @"{\"a\":1}");
  EXPECT([client integerForFlag:@"bool" subject:user otherwise:3] == 3);
  EXPECT_TEXT([client stringForFlag:@"none" subject:user otherwise:@"ä"], @"ä");
  EXPECT(Stat(client, @"queued") == 1);
}

static void DecidesPeeksAndExposes(void) {
  UPSClient *client = Client(Options());
  UPSSubject *user = User();
  UPSDecision *peeked = [client peek:@"all" subject:user];
  EXPECT_TEXT([peeked key], @"all");
  EXPECT_TEXT([peeked experiment], @"all");
  EXPECT_TEXT([peeked variant], @"on");
  EXPECT_TEXT([peeked unitType], @"user");
  EXPECT_TEXT([peeked reasonName], @"assigned");
  EXPECT([peeked isInExperiment] && [peeked value] == nil && [peeked iteration] == 1);
  EXPECT([peeked bucket] >= 0 && [peeked bucket] < 1000000);
  EXPECT(Stat(client, @"queued") == 0);
  EXPECT([client expose:peeked subject:user date:nil]);
  EXPECT(Stat(client, @"queued") == 1);
  EXPECT([client expose:peeked subject:user date:[NSDate date]]);
  EXPECT(Stat(client, @"queued") == 2);
  EXPECT([[[client peekFlag:@"int" subject:user] value] longLongValue] == -7);
  EXPECT([[[client decideFlag:@"bool" subject:user] value] boolValue]);
  EXPECT([[client decide:@"none" subject:user] reason] == UPSReasonUnknownKey);
  NSArray<UPSDecision *> *all = [client decideAllForSubject:user];
  EXPECT([all count] == 2 && [[all objectAtIndex:1] reason] == UPSReasonTargeting);
  EXPECT([[client explain:@"targeted" subject:user] rangeOfString:@"targeting"].length > 0);
  EXPECT([client explain:@"none" subject:user] == nil);
  UPSClient *other = Client(Options());
  EXPECT(![other expose:peeked subject:user date:nil]);
  // A decision outlives its client.
  UPSDecision *kept = nil;
  @autoreleasepool {
    kept = [[Client(Options()) peek:@"all" subject:user] retain];
  }
  EXPECT_TEXT([kept variant], @"on");
  [kept release];
}

static void TakesEveryTypeOfAttribute(void) {
  UPSClient *client = Client(Options());
  NSArray *names = [NSArray arrayWithObjects:@"", @"s", @"i", @"d", @"b", @"t", @"l", nil];
  for (NSString *without in names) {
    UPSSubject *user = User();
    EXPECT([user setString:@"😀" forName:@"s"]);
    EXPECT([user setInteger:9007199254740993 forName:@"i"]);
    EXPECT([user setDouble:0.5 forName:@"d"]);
    EXPECT([user setBool:YES forName:@"b"]);
    EXPECT([user setDate:[NSDate dateWithTimeIntervalSince1970:1793491200] forName:@"t"]);
    NSArray *both = [NSArray arrayWithObjects:@"p", @"q", nil];
    EXPECT([user setStrings:both forName:@"l"]);
    if ([without length] > 0) EXPECT([user removeName:without]);
    EXPECT([[client peek:@"targeted" subject:user] reason] ==
           ([without length] > 0 ? UPSReasonTargeting : UPSReasonAssigned));
  }
  UPSSubject *user = User();
  EXPECT(![user setInteger:1 forName:@""]);
  [user clear];
  EXPECT([[client peek:@"all" subject:user] reason] == UPSReasonMissingUnit);
}

@interface Recorder : NSObject <UPSLogSink, UPSCatalogObserver, UPSTransport> {
 @public
  NSMutableArray *lines;
  uint64_t version;
  BOOL broken;
  int sent;
}
@end
static int recorders = 0;
@implementation Recorder
- (instancetype)init {
  self = [super init];
  lines = [[NSMutableArray alloc] init];
  ++recorders;
  return self;
}
- (void)dealloc {
  --recorders;
  [lines release];
  [super dealloc];
}
- (void)logLevel:(UPSLogLevel)level message:(NSString *)message {
  if (level == UPSLogLevelWarning) [lines addObject:message];
}
- (void)catalogDidChangeToVersion:(uint64_t)now {
  version = now;
}
- (UPSHTTPResponse *)sendRequest:(UPSHTTPRequest *)request {
  if (broken) [NSException raise:@"NoNetwork" format:@"stays in the callback"];
  UPSHTTPResponse *response = [[[UPSHTTPResponse alloc] init] autorelease];
  [response setStatus:404];
  if (![[request method] isEqualToString:@"POST"]) return response;
  ++sent;
  NSString *batch = [[request headers] objectForKey:@"Upswing-Batch"];
  [response setStatus:200];
  [response setHeaders:[NSDictionary dictionaryWithObject:batch forKey:@"Upswing-Batch"]];
  [response
      setBody:[@"{\"accepted\":1,\"duplicate\":false,\"conflict\":false,\"rejected\":[]}"
                  dataUsingEncoding:NSUTF8StringEncoding]];
  return response;
}
- (void)cancel {
}
@end

static void TracksOverTheAppsOwnStack(void) {
  @autoreleasepool {
    Recorder *recorder = [[[Recorder alloc] init] autorelease];
    UPSOptions *options = Options();
    [options setServerURL:@"http://app.test"];
    [options setTransport:recorder];
    [options setMaxBackoff:0.1];
    UPSClient *client = Client(options);
    UPSTrackOptions *more = [[[UPSTrackOptions alloc] init] autorelease];
    [more setProperties:[NSDictionary
                            dictionaryWithObjectsAndKeys:@"美妆", @"category",
                                                         [NSNumber numberWithInt:2], @"n",
                                                         [NSNumber numberWithDouble:0.5], @"p",
                                                         [NSNumber numberWithBool:YES], @"c", nil]];
    [more setEventID:@"order-1"];
    recorder->broken = YES;
    EXPECT([client track:@"purchase" subject:User() value:129 options:more]);
    EXPECT([[client flushWithTimeout:0.05] kept] == 1);
    recorder->broken = NO;
    [more setProperties:[NSDictionary dictionaryWithObject:[NSDate date] forKey:@"when"]];
    EXPECT(![client track:@"purchase" subject:User() value:129 options:more]);
    EXPECT([[client closeWithTimeout:20] sent] == 1);
    EXPECT(recorder->sent >= 1);
  }
  EXPECT(recorders == 0);
}

static void ObserversAndTheLogAreHeardAndReleased(void) {
  @autoreleasepool {
    Recorder *recorder = [[[Recorder alloc] init] autorelease];
    UPSOptions *options = Options();
    [options setBundledCatalog:[NSData dataWithBytes:"abc" length:3]];
    [options setLog:recorder];
    UPSClient *client = Client(options);
    EXPECT([recorder->lines count] == 1);
    const uint64_t number = [client addCatalogObserver:recorder];
    EXPECT([client supplyCatalog:catalog]);
    EXPECT(recorder->version == [client catalogVersion] && recorder->version > 0);
    recorder->version = 0;
    [client removeCatalogObserver:number];
    EXPECT([client supplyCatalog:catalog]);
    EXPECT(recorder->version == 0);
    EXPECT(![client supplyCatalog:[NSData dataWithBytes:"abc" length:3]]);
  }
  EXPECT(recorders == 0);
}

static void NamesTheOptionThatIsWrong(void) {
  @autoreleasepool {
    UPSOptions *options = Options();
    [options setBatchRecords:0];
    [options setTransport:[[[Recorder alloc] init] autorelease]];
    NSError *error = nil;
    EXPECT([UPSClient clientWithOptions:options error:&error] == nil);
    EXPECT([[error localizedDescription] rangeOfString:@"batch_records"].length > 0);
    EXPECT([error code] == 1);
  }
  EXPECT(recorders == 0);
}

static void HonoursOverridesAndConsent(void) {
  UPSOptions *options = Options();
  [options setOverrides:[NSDictionary dictionaryWithObject:@"x" forKey:@"targeted"]];
  UPSClient *client = Client(options);
  EXPECT([[client peek:@"targeted" subject:User()] reason] == UPSReasonForced);
  [client setConsent:UPSConsentDenied];
  EXPECT([[client peek:@"targeted" subject:User()] reason] == UPSReasonDisabled);
  EXPECT([[[[UPSOptions alloc] init] autorelease] consent] == UPSConsentUnknown);
  [client setNetwork:UPSNetworkMetered];
  [client setAPIKey:@"k"];
  [client purge];
  EXPECT(![client activate]);
  EXPECT([[client lastError] length] == 0);
}

static void TheBackgroundFlushes(void) {
  NSString *folder = [NSTemporaryDirectory()
      stringByAppendingPathComponent:[[NSProcessInfo processInfo] globallyUniqueString]];
  UPSOptions *options = Options();
  [options setStorageDirectory:folder];
  [options setFlushInterval:3600];
  UPSClient *client = Client(options);
  NSNotificationCenter *center = [[[NSNotificationCenter alloc] init] autorelease];
  UPSLifecycle *life = [[[UPSLifecycle alloc] initWithClient:client
                                                      center:center
                                                  background:@"background"
                                                  foreground:@"foreground"
                                                      budget:1] autorelease];
  [client track:@"e" subject:User()];
  EXPECT([life lastFlush] == nil);
  [center postNotificationName:@"background" object:nil];
  EXPECT([[life lastFlush] kept] == 1);
  EXPECT([[NSFileManager defaultManager] fileExistsAtPath:folder]);
  [center postNotificationName:@"foreground" object:nil];
  [life invalidate];
  [client track:@"e" subject:User()];
  [center postNotificationName:@"background" object:nil];
  EXPECT([[life lastFlush] kept] == 1);
  [client closeWithTimeout:0];
  [[NSFileManager defaultManager] removeItemAtPath:folder error:NULL];
}

@interface Worker : NSObject {
 @public
  UPSClient *client;
  int number;
}
@end
static int workers = 0;
@implementation Worker
- (void)work:(id)nothing {
  (void)nothing;
  @autoreleasepool {
    for (int i = 0; i < 1000; ++i) {
      @autoreleasepool {
        UPSSubject *user = [UPSSubject
            subjectWithUnit:@"user"
                 identifier:[NSString stringWithFormat:@"u-%d-%d", number, i]];
        if (![[[client decide:@"all" subject:user] variant] isEqualToString:@"on"]) abort();
        [client track:@"e" subject:user];
        [client stringForFlag:@"string" subject:user otherwise:@""];
        if (i % 100 == number) [client supplyCatalog:catalog];
      }
    }
  }
  __atomic_sub_fetch(&workers, 1, __ATOMIC_SEQ_CST);
}
@end

static void ThreadsMayCallAnything(void) {
  UPSClient *client = Client(Options());
  __atomic_store_n(&workers, 4, __ATOMIC_SEQ_CST);
  for (int i = 0; i < 4; ++i) {
    Worker *worker = [[[Worker alloc] init] autorelease];
    worker->client = client;
    worker->number = i;
    [NSThread detachNewThreadSelector:@selector(work:) toTarget:worker withObject:nil];
  }
  while (__atomic_load_n(&workers, __ATOMIC_SEQ_CST) > 0) {
    [NSThread sleepForTimeInterval:0.01];
  }
  EXPECT(Stat(client, @"queued") + Stat(client, @"dropped") == 8000);
}

int main(int argc, const char **argv) {
  @autoreleasepool {
    if (argc != 2) return 2;
    catalog = [NSData dataWithContentsOfFile:[NSString stringWithUTF8String:argv[1]]];
    static void (*const kTests[])(void) = {ReadsEveryTypeOfFlagAndFallsBack,
                                           DecidesPeeksAndExposes,
                                           TakesEveryTypeOfAttribute,
                                           TracksOverTheAppsOwnStack,
                                           ObserversAndTheLogAreHeardAndReleased,
                                           NamesTheOptionThatIsWrong,
                                           HonoursOverridesAndConsent,
                                           TheBackgroundFlushes,
                                           ThreadsMayCallAnything};
    for (size_t i = 0; i < sizeof(kTests) / sizeof(kTests[0]); ++i) {
      @autoreleasepool {
        kTests[i]();
      }
    }
    printf("%d passed, %d failed\n", ups_checks - ups_failures, ups_failures);
  }
  return ups_failures == 0 ? 0 : 1;
}
