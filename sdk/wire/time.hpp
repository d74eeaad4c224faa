#pragma once

#include <cstdint>
#include <optional>

#include "sdk/wire/protocol.hpp"
#include "sdk/wire/record.hpp"

namespace upswing::wire {

/// What is added to a boot-clock time of the batch's boot to get milliseconds since 1970 on the
/// server's clock.
///
///     sent in the same boot as formed:  receive - sent.boot
///     otherwise:                        (wall - boot at forming) + (receive - sent.wall)
///
/// The first form needs no trust in the device's wall clock: it is late by the request's travel
/// time only. The second corrects the wall clock of forming by the error the wall clock has now.
/// Without a `Upswing-Sent-At` the wall clock of forming is taken as it is.
///
/// The server keeps the offset of the *first* batch it stores for each (epoch, boot) and uses it
/// for all later ones: one offset per boot keeps the records of a boot in the order in which the
/// device made them, whatever the wall clock did meanwhile and however long a request took, so that
/// no purchase moves before its exposure.
std::int64_t BootOffset(const BatchHeader& header, const std::optional<SentAt>& sent_at,
                        std::int64_t receive_ms);

/// True time of a record in milliseconds since 1970. Boot-clock times are moved by `boot_offset`
/// and never lie after `receive_ms`; explicit wall times are kept.
std::int64_t ResolveTime(std::int64_t time_ms, TimeKind kind, std::int64_t boot_offset,
                         std::int64_t receive_ms);

}  // namespace upswing::wire
