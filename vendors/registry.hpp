// From the vendor word of a secret or flag to a driver.
#pragma once

#include "protocol/error.hpp"
#include "vendors/array.hpp"
#include "vendors/array_config.hpp"

#include <memory>
#include <string_view>
#include <vector>

namespace xcopy {

namespace rest {
class Transport;
class Clock;
} // namespace rest

std::vector<std::string_view> vendors();

// Errc::bad_request with every problem of the configuration in one message; nothing is contacted.
Result<std::unique_ptr<Array>> make_array(const ArrayConfig&, rest::Transport&);
Result<std::unique_ptr<Array>> make_array(const ArrayConfig&, rest::Transport&, rest::Clock&);

// The drivers, each in the folder of its name.
Result<std::unique_ptr<Array>> make_flasharray(const ArrayConfig&, rest::Transport&, rest::Clock&);
Result<std::unique_ptr<Array>> make_flashsystem(const ArrayConfig&, rest::Transport&, rest::Clock&);
Result<std::unique_ptr<Array>> make_infinibox(const ArrayConfig&, rest::Transport&, rest::Clock&);
Result<std::unique_ptr<Array>> make_ontap(const ArrayConfig&, rest::Transport&, rest::Clock&);
Result<std::unique_ptr<Array>> make_powerflex(const ArrayConfig&, rest::Transport&, rest::Clock&);
Result<std::unique_ptr<Array>> make_powermax(const ArrayConfig&, rest::Transport&, rest::Clock&);
Result<std::unique_ptr<Array>> make_powerstore(const ArrayConfig&, rest::Transport&, rest::Clock&);
Result<std::unique_ptr<Array>> make_primera3par(const ArrayConfig&, rest::Transport&, rest::Clock&);
Result<std::unique_ptr<Array>> make_vantara(const ArrayConfig&, rest::Transport&, rest::Clock&);

} // namespace xcopy
