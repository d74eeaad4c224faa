#import "UPSMacros.h"

NS_ASSUME_NONNULL_BEGIN

/// Whom a decision is made for: one id per unit type, and typed attributes for targeting.
///
/// Several threads may read it; writing needs the caller's own exclusion. Setting a name again
/// replaces its value; an empty id is no id. Every setter answers NO for a name that is empty.
NS_SWIFT_NAME(Subject)
@interface UPSSubject : NSObject {
 @private
  struct upswing_subject* _handle;
}

+ (instancetype)subjectWithUnit:(NSString*)type identifier:(NSString*)identifier;

- (BOOL)setUnit:(NSString*)type identifier:(NSString*)identifier;
- (BOOL)setString:(NSString*)value forName:(NSString*)name NS_SWIFT_NAME(set(_:for:));
- (BOOL)setInteger:(int64_t)value forName:(NSString*)name NS_SWIFT_NAME(set(integer:for:));
- (BOOL)setDouble:(double)value forName:(NSString*)name NS_SWIFT_NAME(set(double:for:));
- (BOOL)setBool:(BOOL)value forName:(NSString*)name NS_SWIFT_NAME(set(bool:for:));
/// Kept in milliseconds.
- (BOOL)setDate:(NSDate*)value forName:(NSString*)name NS_SWIFT_NAME(set(date:for:));
- (BOOL)setStrings:(NSArray<NSString*>*)values
           forName:(NSString*)name NS_SWIFT_NAME(set(strings:for:));
- (BOOL)removeName:(NSString*)name;
/// Removes all ids and attributes and keeps the memory.
- (void)clear;

@end

NS_ASSUME_NONNULL_END
