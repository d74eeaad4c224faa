#import "UPSMacros.h"
#import "UPSTypes.h"

NS_ASSUME_NONNULL_BEGIN

/// The outcome for one subject and one experiment or flag. Made by a client.
NS_SWIFT_NAME(Decision)
@interface UPSDecision : NSObject {
 @private
  NSData* _raw;
  NSString* _key;
  NSString* _experiment;
  NSString* _variant;
  NSString* _unitType;
  id _value;
}

/// What was asked for; empty if the catalog has it not.
@property(nonatomic, readonly) NSString* key;
/// Whose exposure this is; empty if none owns the flag.
@property(nonatomic, readonly) NSString* experiment;
/// Empty if the unit is not in the experiment.
@property(nonatomic, readonly) NSString* variant;
/// Of the unit that decided.
@property(nonatomic, readonly) NSString* unitType;
@property(nonatomic, readonly) UPSReason reason;
/// The name that logs and reports print, e.g. "assigned".
@property(nonatomic, readonly) NSString* reasonName;
/// Assigned, sticky or forced.
@property(nonatomic, readonly, getter=isInExperiment) BOOL inExperiment;
/// Of the split; -1 if there is none.
@property(nonatomic, readonly) int64_t bucket;
/// Of the flag's rule that decided; -1 if none did.
@property(nonatomic, readonly) int32_t ruleIndex;
@property(nonatomic, readonly) uint32_t iteration;
@property(nonatomic, readonly) uint32_t phase;
@property(nonatomic, readonly) uint64_t catalogVersion;
@property(nonatomic, readonly) UPSValueType valueType;
/// A flag's value in force: NSNumber or NSString; nil if the caller's own serves.
@property(nonatomic, readonly, nullable) id value;

- (instancetype)init NS_UNAVAILABLE;

@end

NS_ASSUME_NONNULL_END
