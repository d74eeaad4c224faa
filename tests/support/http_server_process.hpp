#pragma once

#include <sys/types.h>

#include <cstddef>
#include <string>

namespace upswing::testing {

/// A running `upswing serve`.
struct ServerProcess {
  pid_t process = 0;
  int port = 0;
};

/// Starts `program serve` on FOLDER/data, listening on loopback, without auth; its output goes to
/// FOLDER/log. `address_space`: as `ulimit -v`, in bytes, for a server of two threads whatever the
/// machine; 0 = none. Ends the program with a message if the server does not come up.
ServerProcess StartServer(const std::string& program, const std::string& folder,
                          std::size_t address_space = 0);

/// A connection to a port of this machine; -1 if it is refused.
int ConnectTo(int port);

/// Posts a batch and waits for the whole answer, which is empty if the connection broke.
std::string PostBatch(int socket, const std::string& id, const std::string& body);

}  // namespace upswing::testing
