// Arrays whose port depends on their generation: where nothing listens at the first address, the second is tried.
#pragma once

#include "vendors/rest/transport.hpp"

#include <memory>
#include <string>

namespace xcopy::rest {

// Addresses are origins, "https://name:8080". Requests are addressed to `first`; where no connection to it comes about,
// so that nothing was sent, they go to `second`. The first of the two that is connected to is used from then on and
// alone: an array that restarts does not move. `inner` must outlive it.
std::unique_ptr<Transport> two_ports(Transport& inner, std::string first, std::string second);

} // namespace xcopy::rest
