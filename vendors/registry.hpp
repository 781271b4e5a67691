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
using Maker = Result<std::unique_ptr<Array>>(const ArrayConfig&, rest::Transport&, rest::Clock&);
namespace flashsystem {
Maker make;
}
namespace infinibox {
Maker make;
}
namespace ontap {
Maker make;
}
namespace powerflex {
Maker make;
}
namespace powermax {
Maker make;
}
namespace powerstore {
Maker make;
}
namespace primera3par {
Maker make;
}
namespace pure {
Maker make;
}
namespace vantara {
Maker make;
}

} // namespace xcopy
