// A test is a block of EXPECTs; the program's exit status is the number of those that failed.
#import <Foundation/Foundation.h>
#include <stdio.h>

extern int ups_checks;
extern int ups_failures;

#define EXPECT(condition)                                                     \
  do {                                                                        \
    ++ups_checks;                                                             \
    if (!(condition)) {                                                       \
      ++ups_failures;                                                         \
      fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition); \
    }                                                                         \
  } while (0)
#define EXPECT_TEXT(actual, wanted)                                                           \
  do {                                                                                        \
    NSString* const got_ = (actual);                                                          \
    ++ups_checks;                                                                             \
    if (![got_ isEqualToString:(wanted)]) {                                                   \
      ++ups_failures;                                                                         \
      fprintf(stderr, "%s:%d: is %s\n", __FILE__, __LINE__, [[got_ description] UTF8String]); \
    }                                                                                         \
  } while (0)
