#include "sdk/wire/format.hpp"

#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "sdk/schema/batch_generated.h"
#include "sdk/wire/batch_encoder.hpp"
#include "sdk/wire/compress.hpp"

namespace upswing::wire {
namespace {

std::vector<std::uint8_t> Columns(const std::string& bytes) {
  Decompressor decompressor;
  std::vector<std::uint8_t> table;
  EXPECT_TRUE(decompressor.Decompress(bytes, 1 << 20, &table).ok());
  const auto* columns = schema::GetBatch(table.data())->columns();
  return {columns->begin(), columns->end()};
}

// The example of format.hpp, byte by byte.
TEST(Format, IsWhatTheWorkedExampleSays) {
  Encoder encoder;
  const UnitRef unit{"user", "u7"};
  for (const std::int64_t time : {990, 995}) {
    EventRecord event;
    event.subject = encoder.Subject({&unit, 1});
    event.name = "play";
    event.value = 1;
    event.time.millis = time;
    encoder.AddEvent(event);
  }
  BatchHeader header;
  header.id.sequence = 1;
  header.boot_ms = 1000;
  EXPECT_THAT(
      Columns(encoder.Finish(header)),
      ::testing::ElementsAre(3,            // strings: user, u7, play
                             3, 2, 7, 29,  // codes 1 (known 0), 8 (2 bytes of text), 37 (known 9):
                                           // ascending, zigzag(1), + 7, + 29
                             'u', '7',     //
                             1, 1, 1, 2,   // subjects: one row, one pair, type "user", id "u7"
                             0,            // no exposures
                             2,            // two events
                             1, 3, 0,      // one shape: name "play", no properties
                             0, 0,         // shape of both records: constant 0
                             0, 0,         // subject of both: constant 0
                             0, 3, 19, 5,  // boot times: ascending, zigzag(-10) = 19, then + 5
                             0, 8,         // value of both: constant 1.0 = zigzag(1) * 4 + 0
                             0, 0,         // no event ids, no reference ids
                             0, 0, 0));    // no counters
}

}  // namespace
}  // namespace upswing::wire
