// The lab's remote control: one JSON order, one JSON answer. README.md lists the verbs.
#pragma once

#include "tests/lab/world.hpp"

#include <nlohmann/json_fwd.hpp>

namespace lab {

// Never throws: a refused order is answered {"ok": false, "error": sentence}.
nlohmann::json obey(World&, const nlohmann::json& order);

} // namespace lab
