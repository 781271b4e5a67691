// Threads for what blocks: the host's tools and files on datastores. The result arrives back on the reactor thread.
#pragma once

#include "agent/asio.hpp"

#include <boost/asio/async_result.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/thread_pool.hpp>

#include <exception>
#include <optional>
#include <stop_token>
#include <type_traits>
#include <utility>

namespace xcopy {

class Workers {
public:
    Workers(asio::any_io_executor home, int threads);
    ~Workers();

    // Ends what runs on the workers (every tool call carries stop()) and waits for them.
    void shut_down();
    const asio::any_io_executor& home() const { return home_; } // the reactor thread
    std::stop_token stop() const { return stop_.get_token(); }

    // `work` runs on a worker; the caller must keep alive what it refers to until the result is there.
    template <class Work> awaitable<std::invoke_result_t<Work>> run(Work work)
    {
        using Outcome = std::invoke_result_t<Work>;
        std::optional<Outcome> outcome;
        std::exception_ptr thrown;
        auto start = [&](auto resume) {
            asio::post(pool_, [&, resume = std::move(resume), guard = asio::make_work_guard(home_)]() mutable {
                try {
                    outcome.emplace(work());
                } catch (...) {
                    thrown = std::current_exception();
                }
                asio::post(guard.get_executor(), std::move(resume));
            });
        };
        co_await asio::async_initiate<const asio::use_awaitable_t<>, void()>(start, asio::use_awaitable);
        if (thrown)
            std::rethrow_exception(thrown);
        co_return std::move(*outcome);
    }

private:
    asio::any_io_executor home_;
    std::stop_source stop_;
    asio::thread_pool pool_;
};

} // namespace xcopy
