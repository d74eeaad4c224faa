#import "UPSInternal.h"

@implementation UPSSubject

- (instancetype)init {
  self = [super init];
  if (self != nil && upswing_subject_create(&_handle) != UPSWING_OK) {
    UPS_RELEASE(self);
    return nil;
  }
  return self;
}

- (void)dealloc {
  upswing_subject_destroy(_handle);
  UPS_SUPER_DEALLOC;
}

+ (instancetype)subjectWithUnit:(NSString *)type identifier:(NSString *)identifier {
  UPSSubject *subject = UPS_AUTORELEASE([[self alloc] init]);
  [subject setUnit:type identifier:identifier];
  return subject;
}

- (upswing_subject *)handle {
  return _handle;
}

- (BOOL)setUnit:(NSString *)type identifier:(NSString *)identifier {
  return upswing_subject_set_unit(_handle, UPSStr(type), UPSStr(identifier)) == UPSWING_OK;
}

- (BOOL)setString:(NSString *)value forName:(NSString *)name {
  return upswing_subject_set_string(_handle, UPSStr(name), UPSStr(value)) == UPSWING_OK;
}

- (BOOL)setInteger:(int64_t)value forName:(NSString *)name {
  return upswing_subject_set_int(_handle, UPSStr(name), value) == UPSWING_OK;
}

- (BOOL)setDouble:(double)value forName:(NSString *)name {
  return upswing_subject_set_double(_handle, UPSStr(name), value) == UPSWING_OK;
}

- (BOOL)setBool:(BOOL)value forName:(NSString *)name {
  return upswing_subject_set_bool(_handle, UPSStr(name), value ? 1 : 0) == UPSWING_OK;
}

- (BOOL)setDate:(NSDate *)value forName:(NSString *)name {
  return upswing_subject_set_time_ms(_handle, UPSStr(name),
                                     UPSMilliseconds([value timeIntervalSince1970])) == UPSWING_OK;
}

- (BOOL)setStrings:(NSArray<NSString *> *)values forName:(NSString *)name {
  const NSUInteger count = [values count];
  NSMutableData *texts = [NSMutableData dataWithLength:count * sizeof(upswing_str)];
  upswing_str *const text = [texts mutableBytes];
  for (NSUInteger i = 0; i < count; ++i) text[i] = UPSStr([values objectAtIndex:i]);
  return upswing_subject_set_strings(_handle, UPSStr(name), text, count) == UPSWING_OK;
}

- (BOOL)removeName:(NSString *)name {
  return upswing_subject_remove(_handle, UPSStr(name)) == UPSWING_OK;
}

- (void)clear {
  upswing_subject_clear(_handle);
}

@end
