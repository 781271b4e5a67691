// A request and its reply as handlers see them: plain values, no socket, no Beast.
#pragma once

#include "protocol/error.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace xcopy::http {

enum class Verb : std::uint8_t { get, put, post, remove, other }; // remove is DELETE
std::string_view name(Verb verb);

enum class Role : std::uint8_t { observer, operator_ };

struct Request {
    Verb verb = Verb::other;
    std::string target; // as sent: path and query
    std::string body;
    std::string peer;   // address of the client
    std::string client; // its certificate's subject
    Role role = Role::observer;
    std::optional<std::int64_t> client_clock_ms; // X-Xcopy-Clock

    std::vector<std::string> segments;        // of the path, decoded
    std::map<std::string, std::string> query; // decoded
    std::string argument;                     // what stands for "{id}" or "{naa}" in the route
};

struct Reply {
    int status = 200;
    std::string body;
    std::string content_type = "application/json";
    std::string allow; // the methods a 405 allows
    std::string route; // for the metrics
};

Reply refuse(const Error& error);

// Splits a request target. False when it is not an absolute path or an escape is broken; nothing is guessed.
bool split_target(Request& request);

// Whether the segments fit a pattern such as "/v1/clones/{id}/cancel"; then what stands for the braces.
std::optional<std::string> match(std::string_view pattern, const std::vector<std::string>& segments);

} // namespace xcopy::http
