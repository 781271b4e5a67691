#include "vendors/rest/two_ports.hpp"

#include "vendors/rest/url.hpp"

#include <fmt/format.h>

#include <atomic>
#include <utility>

namespace xcopy::rest {

namespace {

bool was_connected(const Result<Reply>& reply)
{
    return reply || (reply.error().reason != "connect_refused" && reply.error().reason != "connect_timed_out");
}

bool says_nothing(const Result<Reply>& reply) // of the port: the address is wrong, or we gave up before
{
    return !reply && (reply.error().reason == "unresolved" || reply.error().code == Errc::cancelled ||
                      reply.error().code == Errc::timed_out);
}

class TwoPorts : public Transport {
public:
    TwoPorts(Transport& inner, std::string first, std::string second)
        : inner_(inner), first_(std::move(first)), second_(std::move(second))
    {}

    Result<Reply> send(const Call& call, const Request& request, const Tls& tls) override
    {
        if (origin_of(request.url) != first_ || chosen_ == Chosen::first)
            return inner_.send(call, request, tls);
        Request moved = request;
        moved.url = second_ + request.url.substr(first_.size());
        if (chosen_ == Chosen::second)
            return inner_.send(call, moved, tls);

        auto reply = inner_.send(call, request, tls);
        if (was_connected(reply)) {
            if (!says_nothing(reply))
                choose(Chosen::first);
            return reply;
        }
        auto other = inner_.send(call, moved, tls);
        if (was_connected(other)) {
            if (!says_nothing(other))
                choose(Chosen::second);
            return other;
        }
        Error neither = other.error();
        neither.message = fmt::format("{}; and {}", reply.error().message, neither.message);
        return neither;
    }

private:
    enum class Chosen : std::uint8_t { none, first, second };

    void choose(Chosen port)
    {
        auto none = Chosen::none;
        chosen_.compare_exchange_strong(none, port);
    }

    Transport& inner_;
    const std::string first_;
    const std::string second_;
    std::atomic<Chosen> chosen_ = Chosen::none;
};

} // namespace

std::unique_ptr<Transport> two_ports(Transport& inner, std::string first, std::string second)
{
    return std::make_unique<TwoPorts>(inner, std::move(first), std::move(second));
}

} // namespace xcopy::rest
