// Verbs of the control interface that concern one host. They throw with a sentence when they refuse.
#pragma once

#include "tests/lab/world.hpp"

#include <nlohmann/json_fwd.hpp>

namespace lab {

nlohmann::json agent_start(World&, const nlohmann::json& order);
nlohmann::json agent_stop(World&, const nlohmann::json& order);
nlohmann::json agent_kill(World&, const nlohmann::json& order);
nlohmann::json agent_restart(World&, const nlohmann::json& order);
nlohmann::json sshd(World&, const nlohmann::json& order);
nlohmann::json authorize(World&, const nlohmann::json& order);
nlohmann::json software(World&, const nlohmann::json& order);
nlohmann::json agent_status(World&, const nlohmann::json& order);
nlohmann::json reboot(World&, const nlohmann::json& order);
nlohmann::json processes(World&, const nlohmann::json& order);
nlohmann::json kill_process(World&, const nlohmann::json& order);
nlohmann::json spawn(World&, const nlohmann::json& order);
nlohmann::json process_status(World&, const nlohmann::json& order);
nlohmann::json run(World&, const nlohmann::json& order);
nlohmann::json set_host(World&, const nlohmann::json& order);
nlohmann::json devices(World&, const nlohmann::json& order);

} // namespace lab
