// One line per exchange for whoever keeps the log, and the warning that must not be missing. Bodies, headers and
// queries are never shown.
#pragma once

#include "vendors/rest/transport.hpp"

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace xcopy::rest {

struct Exchange {
    std::string job;
    Method method = Method::get;
    std::string url;     // without query
    int status = 0;      // 0: no reply
    std::string failure; // an Errc by name, where there was no reply
    std::chrono::milliseconds took{};
    std::size_t sent_bytes = 0;
    std::size_t received_bytes = 0;
};

std::string one_line(const Exchange& exchange);

struct Observer {
    std::function<void(const Exchange&)> exchange{};
    std::function<void(std::string_view)> warning{};
};

// `inner` must outlive it. Warns once per endpoint that is used without verification.
std::unique_ptr<Transport> observed(Transport& inner, Observer observer);

} // namespace xcopy::rest
