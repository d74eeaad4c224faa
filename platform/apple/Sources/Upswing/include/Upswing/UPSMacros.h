// Macros of Apple's Foundation that GNUstep's has not, or defines as nothing.
#import <Foundation/Foundation.h>

#ifndef NS_SWIFT_NAME
#define NS_SWIFT_NAME(...) __attribute__((swift_name(#__VA_ARGS__)))
#endif
#if defined(GNUSTEP)
#undef NS_UNAVAILABLE
#define NS_UNAVAILABLE __attribute__((unavailable))
#endif
