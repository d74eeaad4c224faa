// Decision vectors (tests/vectors/README.md) over the Objective-C API.   vectors_objc < input > answers
#import <Upswing/Upswing.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static NSData *Bytes(NSString *hex) {
  NSMutableData *out = [NSMutableData data];
  const char *const text = [hex UTF8String];
  if (strcmp(text, ".") == 0) return out;
  for (size_t i = 0; text[i] != '\0' && text[i + 1] != '\0'; i += 2) {
    const char pair[3] = {text[i], text[i + 1], '\0'};
    const unsigned char byte = (unsigned char)strtoul(pair, NULL, 16);
    [out appendBytes:&byte length:1];
  }
  return out;
}

static NSString *Text(NSString *hex) {
  return [[[NSString alloc] initWithData:Bytes(hex) encoding:NSUTF8StringEncoding] autorelease];
}

static NSString *Hex(NSString *text) {
  NSData *bytes = [text dataUsingEncoding:NSUTF8StringEncoding];
  const unsigned char *const data = [bytes bytes];
  NSMutableString *out = [NSMutableString string];
  for (NSUInteger i = 0; i < [bytes length]; ++i) [out appendFormat:@"%02x", data[i]];
  return [out length] == 0 ? @"." : out;
}

static NSString *Bits(double value) {
  unsigned long long bits;
  memcpy(&bits, &value, sizeof(bits));
  return [NSString stringWithFormat:@"%016llx", bits];
}

static double Real(NSString *text) {
  const unsigned long long bits = strtoull([text UTF8String], NULL, 16);
  double value;
  memcpy(&value, &bits, sizeof(value));
  return value;
}

static NSString *Value(UPSDecision *d) {
  switch ([d valueType]) {
    case UPSValueTypeBool:
      return [[d value] boolValue] ? @"bool:1" : @"bool:0";
    case UPSValueTypeInt:
      return [NSString stringWithFormat:@"int:%lld", [[d value] longLongValue]];
    case UPSValueTypeDouble:
      return [@"double:" stringByAppendingString:Bits([[d value] doubleValue])];
    case UPSValueTypeString:
      return [@"string:" stringByAppendingString:Hex([d value])];
    case UPSValueTypeJSON:
      return [@"json:" stringByAppendingString:Hex([d value])];
    default:
      return @"none";
  }
}

static void Show(char letter, UPSDecision *d) {
  NSString *bucket =
      [d bucket] < 0 ? @"-" : [NSString stringWithFormat:@"%lld", (long long)[d bucket]];
  printf("%c %s %s %s %s %s %d %u %u %llu %s %s\n", letter, [Hex([d key]) UTF8String],
         [[d reasonName] UTF8String], [Hex([d experiment]) UTF8String],
         [Hex([d variant]) UTF8String], [bucket UTF8String], [d ruleIndex], [d iteration],
         [d phase], (unsigned long long)[d catalogVersion], [Hex([d unitType]) UTF8String],
         [Value(d) UTF8String]);
}

static UPSClient *Start(NSData *catalog) {
  UPSOptions *options = [[[UPSOptions alloc] init] autorelease];
  [options setConsent:UPSConsentGranted];
  [options setBundledCatalog:catalog];
  return [[UPSClient clientWithOptions:options error:NULL] retain];
}

int main(void) {
  UPSClient *client = nil;
  UPSSubject *subject = nil;
  char *line = NULL;
  size_t room = 0;
  @autoreleasepool {
    subject = [[UPSSubject alloc] init];
  }
  while (getline(&line, &room, stdin) > 0) {
    @autoreleasepool {
      line[strcspn(line, "\n")] = '\0';
      const char letter = line[0];
      NSArray<NSString *> *words = [[NSString stringWithUTF8String:line]
          componentsSeparatedByString:@" "];
      if (letter == 'U') {
        [subject clear];
        continue;
      }
      NSString *first = [words objectAtIndex:1];
      NSString *otherwise = [words count] > 2 ? [words objectAtIndex:2] : @"";
      if (letter == 'C') {
        [client release];
        client = Start(Bytes(first));
        continue;
      }
      if (letter == 'S') {
        if (![client supplyCatalog:Bytes(first)]) return 1;
        continue;
      }
      NSString *key = Text(first);
      const char *const shown = [first UTF8String];
      switch (letter) {
        case 'u':
          [subject setUnit:key identifier:Text(otherwise)];
          break;
        case 's':
          [subject setString:Text(otherwise) forName:key];
          break;
        case 'i':
          [subject setInteger:strtoll([otherwise UTF8String], NULL, 10) forName:key];
          break;
        case 'd':
          [subject setDouble:Real(otherwise) forName:key];
          break;
        case 'b':
          [subject setBool:[otherwise isEqualToString:@"1"] forName:key];
          break;
        case 't':
          [subject setDate:[NSDate dateWithTimeIntervalSince1970:
                                       (double)strtoll([otherwise UTF8String], NULL, 10) / 1000]
                   forName:key];
          break;
        case 'l': {
          NSMutableArray<NSString *> *texts = [NSMutableArray array];
          for (NSUInteger i = 2; i < [words count]; ++i) {
            [texts addObject:Text([words objectAtIndex:i])];
          }
          [subject setStrings:texts forName:key];
          break;
        }
        case 'E':
          Show(letter, [client decide:key subject:subject]);
          break;
        case 'F':
          Show(letter, [client decideFlag:key subject:subject]);
          break;
        case 'P':
          Show(letter, [client peek:key subject:subject]);
          break;
        case 'p':
          Show(letter, [client peekFlag:key subject:subject]);
          break;
        case 'B':
          printf("B %s %d\n", shown,
                 [client boolForFlag:key
                             subject:subject
                           otherwise:[otherwise isEqualToString:@"1"]]
                     ? 1
                     : 0);
          break;
        case 'I':
          printf("I %s %lld\n", shown,
                 (long long)[client integerForFlag:key
                                           subject:subject
                                         otherwise:strtoll([otherwise UTF8String], NULL, 10)]);
          break;
        case 'D':
          printf("D %s %s\n", shown,
                 [Bits([client doubleForFlag:key subject:subject otherwise:Real(otherwise)])
                     UTF8String]);
          break;
        case 'T':
          printf("T %s %s\n", shown,
                 [Hex([client stringForFlag:key subject:subject otherwise:Text(otherwise)])
                     UTF8String]);
          break;
        case 'J':
          printf("J %s %s\n", shown,
                 [Hex([client JSONForFlag:key subject:subject otherwise:Text(otherwise)])
                     UTF8String]);
          break;
        default:
          return 1;
      }
    }
  }
  free(line);
  [subject release];
  [client release];
  return 0;
}
