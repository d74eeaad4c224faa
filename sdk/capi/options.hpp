#pragma once

#include <memory>

#include "sdk/capi/transport.hpp"
#include "upswing/options.hpp"
#include "upswing/upswing.h"

namespace upswing::capi {

/// The C++ options that these stand for. UPSWING_INVALID_ARGUMENT for a null string with a length,
/// an enumerator out of range, a size that is none, or a later field that this library has not.
/// `Client::Create` checks the ranges. `*transport`: the app's own, or null.
upswing_status ReadOptions(const upswing_options& in, ClientOptions* out,
                           std::shared_ptr<CTransport>* transport);

}  // namespace upswing::capi
