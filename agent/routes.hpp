// The agent's whole interface: one table, one handler each.
#pragma once

#include "agent/agent.hpp"
#include "agent/http/message.hpp"

namespace xcopy {

// Finds the handler, or says 404 or 405. Never throws: a bug in a handler is a 500 and a log line.
awaitable<http::Reply> dispatch(Agent& agent, http::Request request);

} // namespace xcopy
