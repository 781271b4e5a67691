// Work that goes on side by side with its starter.
#pragma once

#include "agent/asio.hpp"
#include "agent/event.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include <exception>
#include <memory>
#include <optional>
#include <utility>

namespace xcopy {

// A coroutine already under way whose result is fetched later.
template <class T> class Pending {
public:
    static awaitable<Pending> start(awaitable<T> work)
    {
        Pending pending;
        auto executor = co_await asio::this_coro::executor;
        asio::co_spawn(executor, hold(pending.state_, std::move(work)), asio::detached);
        co_return pending;
    }

    awaitable<T> get()
    {
        while (!state_->outcome && !state_->thrown)
            co_await state_->done.wait_until(steady_clock::time_point::max());
        if (state_->thrown)
            std::rethrow_exception(state_->thrown);
        co_return std::move(*state_->outcome);
    }

private:
    struct State {
        std::optional<T> outcome;
        std::exception_ptr thrown;
        Event done;
    };

    static awaitable<void> hold(std::shared_ptr<State> state, awaitable<T> work)
    {
        try {
            state->outcome.emplace(co_await std::move(work));
        } catch (...) {
            state->thrown = std::current_exception();
        }
        state->done.notify();
    }

    std::shared_ptr<State> state_ = std::make_shared<State>();
};

template <class T> awaitable<Pending<T>> begin(awaitable<T> work)
{
    return Pending<T>::start(std::move(work));
}

} // namespace xcopy
