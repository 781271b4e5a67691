// The agent's interface, design section 4. "{id}" and "{naa}" stand for one path segment.
#pragma once

#include <cstddef>
#include <cstdint>

namespace xcopy::routes {

constexpr std::uint16_t default_port = 18443; // free on every ESXi version, facts/esxi.md 4.5

constexpr const char* health = "/v1/health";
constexpr const char* adapters = "/v1/adapters";
constexpr const char* datastores = "/v1/datastores";
constexpr const char* sources = "/v1/sources"; // GET ?path=PATH
constexpr const char* device = "/v1/devices/{naa}";
constexpr const char* attach = "/v1/devices/{naa}/attach";
constexpr const char* detach = "/v1/devices/{naa}/detach";
constexpr const char* rescan = "/v1/rescan";
constexpr const char* clones = "/v1/clones";
constexpr const char* clone = "/v1/clones/{id}"; // GET takes ?after=REV&wait=SECONDS
constexpr const char* cancel = "/v1/clones/{id}/cancel";
constexpr const char* drain = "/v1/drain";
constexpr const char* metrics = "/v1/metrics";

constexpr std::size_t max_request_body = 64 * 1024;
constexpr std::size_t max_request_header = 8 * 1024;
constexpr std::size_t max_reply_body = 4 * 1024 * 1024; // what a coordinator reads at most
constexpr int max_watch_wait_s = 60;

// The reason in the refusal that an agent without a certificate answers to everything. It is sent under a certificate that
// the agent made for itself a moment ago, so it proves nothing: whoever reads it may give up or ask over SSH, no more.
constexpr const char* not_enrolled = "not_enrolled";

// The reason in the refusal of an order by a host that is drained; it takes orders again by itself.
constexpr const char* drained = "drained";

// Who may do what, as URI SANs of the client certificate; and who a server is.
constexpr const char* operator_role = "xcopy://role/operator"; // everything
constexpr const char* observer_role = "xcopy://role/observer"; // GET only
constexpr const char* host_identity = "xcopy://host/";         // + the host's UUID

} // namespace xcopy::routes
