// Why esxcli or vsish failed, from its exit status and whatever it said on either stream.
#pragma once

#include "agent/esxi/child.hpp"
#include "protocol/error.hpp"

#include <string_view>

namespace xcopy {

// For a program that ended with anything but exit status 0. Errc::unavailable with reason "hostd_unreachable" when
// hostd did not answer it.
Error esxcli_error(std::string_view command, const Finished& finished);

// Whether the same question is worth asking localcli, which needs no hostd.
bool hostd_is_the_problem(const Error& error);

} // namespace xcopy
