// A transport that plays back replies, and a clock that does not wait.
#pragma once

#include "vendors/rest/clock.hpp"
#include "vendors/rest/transport.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <deque>
#include <functional>
#include <utility>
#include <vector>

namespace xcopy::rest {

class ScriptedTransport : public Transport {
public:
    Result<Reply> send(const Call& call, const Request& request, const Tls&) override
    {
        requests.push_back(request);
        if (on_send)
            on_send(requests.size());
        if (call.stop.stop_requested())
            return cancelled();
        if (replies.empty()) {
            ADD_FAILURE() << "unexpected " << name(request.method) << ' ' << request.url;
            return Error{Errc::failed, "script is over"};
        }
        auto reply = std::move(replies.front());
        replies.pop_front();
        return reply;
    }

    ScriptedTransport& then(int status, std::string body = "{}", std::vector<Header> headers = {})
    {
        replies.emplace_back(Reply{status, std::move(headers), std::move(body)});
        return *this;
    }
    ScriptedTransport& then_error(Errc code, std::string reason = "")
    {
        replies.emplace_back(Error{code, "the wire says no", "", std::move(reason)});
        return *this;
    }

    std::deque<Result<Reply>> replies;
    std::vector<Request> requests;
    std::function<void(std::size_t)> on_send; // with the number of the request, from 1
};

class FakeClock : public Clock {
public:
    std::chrono::steady_clock::time_point now() const override { return now_; }
    Result<void> wait(const Call& call, std::chrono::milliseconds time) override
    {
        waits.push_back(time);
        if (on_wait)
            on_wait(waits.size());
        if (call.stop.stop_requested())
            return cancelled();
        if (now_ + time > call.deadline)
            return deadline_passed();
        now_ += time;
        return {};
    }

    std::vector<std::chrono::milliseconds> waits;
    std::function<void(std::size_t)> on_wait;

private:
    std::chrono::steady_clock::time_point now_ = std::chrono::steady_clock::now();
};

} // namespace xcopy::rest
