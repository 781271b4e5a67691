#include "tests/vendors/contract/lab_wire.hpp"

#include "vendors/rest/url.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cctype>
#include <utility>

namespace xcopy::contract {

namespace {

constexpr int for_ever = 1'000'000;

rest::Reply refusal(int status)
{
    rest::Reply reply{.status = status, .body = "<html><body>proxy error</body></html>"};
    if (status == 429)
        reply.headers.push_back({"Retry-After", "1"});
    return reply;
}

int status_of(Trouble trouble)
{
    switch (trouble) {
    case Trouble::status_401:
        return 401;
    case Trouble::status_403:
        return 403;
    case Trouble::status_429:
        return 429;
    case Trouble::status_500:
        return 500;
    case Trouble::status_502:
        return 502;
    case Trouble::status_503:
        return 503;
    case Trouble::status_504:
        return 504;
    case Trouble::html:
        return 200;
    default:
        return 0;
    }
}

Error lost(const rest::Request& request)
{
    if (request.method == rest::Method::get)
        return {Errc::unavailable, "the connection was lost", "", "connection_lost"};
    return {Errc::indeterminate, "the connection was lost; it may have taken effect", "", "connection_lost"};
}

} // namespace

const char* name(Trouble trouble)
{
    constexpr const char* names[] = {"none", "401", "403",       "429",   "500",        "502",
                                     "503",  "504", "timed_out", "reset", "lost_reply", "truncated_json",
                                     "html"};
    return names[static_cast<std::size_t>(trouble)];
}

Result<rest::Reply> LabWire::send(const Call& call, const rest::Request& request, const rest::Tls&)
{
    int number = 0;
    Trouble now = Trouble::none;
    {
        const std::lock_guard lock(mutex_);
        sent_.push_back(std::string(rest::name(request.method)) + " " + request.url);
        number = static_cast<int>(sent_.size());
        if (trouble_ != Trouble::none && number >= first_ && number <= last_)
            now = trouble_;
    }
    if (before)
        before(number);
    if (call.stop.stop_requested())
        return rest::cancelled();
    if (now == Trouble::timed_out)
        return Error{Errc::timed_out, "no answer in time"};
    if (now == Trouble::reset)
        return Error{Errc::unavailable, "the connection was lost", "", "connection_lost"};
    rest::Reply reply = status_of(now) > 0 ? refusal(status_of(now)) : ask(request);
    if (now == Trouble::lost_reply)
        return lost(request);
    if (now == Trouble::truncated_json)
        reply.body = reply.body.empty() ? "{" : reply.body.substr(0, reply.body.size() / 2);
    const std::lock_guard lock(mutex_);
    statuses_.push_back(reply.status);
    return reply;
}

rest::Reply LabWire::ask(const rest::Request& request)
{
    const auto path_begin = request.url.find('/', request.url.find("://") + 3);
    auto asked = lab::make_request(std::string(rest::name(request.method)),
                                   path_begin == std::string::npos ? "/" : request.url.substr(path_begin));
    for (const auto& header : request.headers) {
        std::string lower = header.name;
        std::ranges::transform(lower, lower.begin(),
                               [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
        asked.headers[lower] = header.value;
    }
    asked.body = request.body;
    const auto answered = array_.handle(asked);
    rest::Reply reply{.status = answered.status, .body = answered.body};
    for (const auto& [header, value] : answered.headers)
        reply.headers.push_back({header, value});
    return reply;
}

void LabWire::trouble(Trouble what, int at, int count)
{
    const std::lock_guard lock(mutex_);
    trouble_ = what;
    first_ = static_cast<int>(sent_.size()) + at;
    last_ = count == 0 ? for_ever : first_ + count - 1;
}

void LabWire::heal()
{
    const std::lock_guard lock(mutex_);
    trouble_ = Trouble::none;
}

int LabWire::count() const
{
    const std::lock_guard lock(mutex_);
    return static_cast<int>(sent_.size());
}

void LabWire::forget()
{
    const std::lock_guard lock(mutex_);
    sent_.clear();
    statuses_.clear();
}

std::vector<std::string> LabWire::sent() const
{
    const std::lock_guard lock(mutex_);
    return sent_;
}

std::vector<int> LabWire::statuses() const
{
    const std::lock_guard lock(mutex_);
    return statuses_;
}

std::chrono::steady_clock::time_point LabTime::now() const
{
    const std::lock_guard lock(mutex_);
    return now_;
}

Result<void> LabTime::wait(const Call& call, std::chrono::milliseconds time)
{
    int number = 0;
    {
        const std::lock_guard lock(mutex_);
        number = ++waits_;
    }
    if (on_wait)
        on_wait(number);
    if (call.stop.stop_requested())
        return rest::cancelled();
    array_.handle_control({{"verb", "clock.advance"}, {"ms", time.count()}});
    const std::lock_guard lock(mutex_);
    if (now_ + time > call.deadline)
        return rest::deadline_passed();
    now_ += time;
    return {};
}

int LabTime::waits() const
{
    const std::lock_guard lock(mutex_);
    return waits_;
}

} // namespace xcopy::contract
