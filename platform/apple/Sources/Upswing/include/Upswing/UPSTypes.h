#import "UPSMacros.h"

NS_ASSUME_NONNULL_BEGIN

/// What the user allowed. The app stores the answer and passes it on each time.
typedef NS_ENUM(NSInteger, UPSConsent) {
  /// Decide; write no file, send nothing; records wait in memory and are lost on denial.
  UPSConsentUnknown = 0,
  UPSConsentGranted = 1,
  /// Catalog defaults only; nothing is kept, sent or written; what was kept is purged.
  UPSConsentDenied = 2,
} NS_SWIFT_NAME(Consent);

/// When a catalog that was fetched starts to decide. Stopped experiments end at once in any case.
typedef NS_ENUM(NSInteger, UPSApplyPolicy) {
  UPSApplyPolicyImmediately = 0,
  UPSApplyPolicyNextSession = 1,
  UPSApplyPolicyOnActivate = 2,
} NS_SWIFT_NAME(ApplyPolicy);

/// What the app knows about the way to the network; a hint.
typedef NS_ENUM(NSInteger, UPSNetwork) {
  UPSNetworkUnknown = 0,
  UPSNetworkOffline = 1,
  UPSNetworkMetered = 2,
  UPSNetworkUnmetered = 3,
} NS_SWIFT_NAME(Network);

typedef NS_ENUM(NSInteger, UPSLogLevel) {
  UPSLogLevelInfo = 0,
  UPSLogLevelWarning = 1,
  UPSLogLevelError = 2,
} NS_SWIFT_NAME(LogLevel);

/// Why a decision is what it is.
typedef NS_ENUM(NSInteger, UPSReason) {
  UPSReasonAssigned = 0,
  UPSReasonSticky = 1,
  UPSReasonForced = 2,
  UPSReasonRule = 3,
  UPSReasonDefault = 4,
  UPSReasonDisabled = 5,
  UPSReasonMissingUnit = 6,
  UPSReasonNotStarted = 7,
  UPSReasonEnded = 8,
  UPSReasonHoldout = 9,
  UPSReasonPrerequisite = 10,
  UPSReasonTargeting = 11,
  UPSReasonLayer = 12,
  UPSReasonTraffic = 13,
  UPSReasonNoCatalog = 14,
  UPSReasonUnknownKey = 15,
  UPSReasonTypeMismatch = 16,
  UPSReasonUnsupported = 17,
} NS_SWIFT_NAME(Reason);

/// Type of a flag's value.
typedef NS_ENUM(NSInteger, UPSValueType) {
  UPSValueTypeNone = 0,
  UPSValueTypeBool = 1,
  UPSValueTypeInt = 2,
  UPSValueTypeDouble = 3,
  UPSValueTypeString = 4,
  UPSValueTypeJSON = 5,
} NS_SWIFT_NAME(ValueType);

/// Domain of the errors of this library; the code is that of the C interface.
extern NSString* const UPSErrorDomain;

NS_ASSUME_NONNULL_END
