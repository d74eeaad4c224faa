#import "UPSInternal.h"

// Strings of the C decision end with the client, and this object may outlive it: they are copied.
@implementation UPSDecision

- (instancetype)initWithDecision:(const upswing_decision *)decision {
  self = [super init];
  if (self == nil) return nil;
  _raw = [[NSData alloc] initWithBytes:decision length:sizeof(*decision)];
  _key = [UPSString(decision->key) copy];
  _experiment = [UPSString(decision->experiment) copy];
  _variant = [UPSString(decision->variant) copy];
  _unitType = [UPSString(decision->unit_type) copy];
  switch (decision->value.type) {
    case UPSWING_TYPE_BOOL:
      _value = [[NSNumber alloc] initWithBool:decision->value.boolean != 0];
      break;
    case UPSWING_TYPE_INT:
      _value = [[NSNumber alloc] initWithLongLong:decision->value.integer];
      break;
    case UPSWING_TYPE_DOUBLE:
      _value = [[NSNumber alloc] initWithDouble:decision->value.real];
      break;
    case UPSWING_TYPE_STRING:
    case UPSWING_TYPE_JSON:
      _value = [UPSString(decision->value.text) copy];
      break;
    default:
      break;
  }
  return self;
}

- (void)dealloc {
  UPS_RELEASE(_raw);
  UPS_RELEASE(_key);
  UPS_RELEASE(_experiment);
  UPS_RELEASE(_variant);
  UPS_RELEASE(_unitType);
  UPS_RELEASE(_value);
  UPS_SUPER_DEALLOC;
}

- (const upswing_decision *)decision {
  return [_raw bytes];
}
- (NSString *)key {
  return _key;
}
- (NSString *)experiment {
  return _experiment;
}
- (NSString *)variant {
  return _variant;
}
- (NSString *)unitType {
  return _unitType;
}
- (UPSReason)reason {
  return (UPSReason)[self decision]->reason;
}
- (NSString *)reasonName {
  return UPSString(upswing_reason_name([self decision]->reason));
}
- (BOOL)isInExperiment {
  return [self decision]->in_experiment != 0;
}
- (int64_t)bucket {
  return [self decision]->bucket == UPSWING_NO_BUCKET ? -1 : (int64_t)[self decision]->bucket;
}
- (int32_t)ruleIndex {
  return [self decision]->rule_index;
}
- (uint32_t)iteration {
  return [self decision]->iteration;
}
- (uint32_t)phase {
  return [self decision]->phase;
}
- (uint64_t)catalogVersion {
  return [self decision]->catalog_version;
}
- (UPSValueType)valueType {
  return (UPSValueType)[self decision]->value.type;
}
- (id)value {
  return _value;
}

@end
