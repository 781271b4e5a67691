// vmkfstools, the working half: moves the bytes of one clone, in steps the lab grants.
#pragma once

#include "tests/lab/wire.hpp"

#include <nlohmann/json_fwd.hpp>

#include <optional>
#include <string>

namespace lab {

// The lab's last word, or nullopt when the lab has gone.
std::optional<std::string> run_copy(const nlohmann::json& order, LineChannel& lab);

} // namespace lab
