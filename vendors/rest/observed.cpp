#include "vendors/rest/observed.hpp"

#include "vendors/rest/url.hpp"

#include <fmt/format.h>

#include <mutex>
#include <set>
#include <utility>

namespace xcopy::rest {

namespace {

class ObservedTransport : public Transport {
public:
    ObservedTransport(Transport& inner, Observer observer) : inner_(inner), observer_(std::move(observer)) {}

    Result<Reply> send(const Call& call, const Request& request, const Tls& tls) override
    {
        if (tls.skip_verification && observer_.warning && is_first(origin_of(request.url)))
            observer_.warning(
                fmt::format("certificate of {} is not verified: {} is true", origin_of(request.url), tls.skip_setting));
        const auto begin = std::chrono::steady_clock::now();
        auto reply = inner_.send(call, request, tls);
        if (observer_.exchange)
            observer_.exchange({.job = call.job,
                                .method = request.method,
                                .url = origin_of(request.url) + (request.hide_path ? "/***" : path_of(request.url)),
                                .status = reply ? reply->status : 0,
                                .failure = reply ? std::string() : std::string(name(reply.error().code)),
                                .took = std::chrono::duration_cast<std::chrono::milliseconds>(
                                    std::chrono::steady_clock::now() - begin),
                                .sent_bytes = request.body.size(),
                                .received_bytes = reply ? reply->body.size() : 0});
        return reply;
    }

private:
    bool is_first(const std::string& origin)
    {
        const std::lock_guard lock(mutex_);
        return warned_.insert(origin).second;
    }

    Transport& inner_;
    Observer observer_;
    std::mutex mutex_;
    std::set<std::string> warned_;
};

} // namespace

std::string one_line(const Exchange& exchange)
{
    return fmt::format("{} {} {} {} ms, {} bytes out, {} in", name(exchange.method), exchange.url,
                       exchange.status > 0 ? std::to_string(exchange.status) : exchange.failure, exchange.took.count(),
                       exchange.sent_bytes, exchange.received_bytes);
}

std::unique_ptr<Transport> observed(Transport& inner, Observer observer)
{
    return std::make_unique<ObservedTransport>(inner, std::move(observer));
}

} // namespace xcopy::rest
