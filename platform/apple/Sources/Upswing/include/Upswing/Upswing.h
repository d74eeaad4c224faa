// Upswing for Objective-C and Swift: A/B experiments decided on the device.
#import "UPSClient.h"
#import "UPSDecision.h"
#import "UPSLifecycle.h"
#import "UPSOptions.h"
#import "UPSSubject.h"
#import "UPSTransport.h"
#import "UPSTypes.h"
