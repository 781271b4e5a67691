#include "tests/lab/arrays/flashsystem/flashsystem.hpp"

#include "tests/lab/arrays/flashsystem/switches.hpp"

namespace lab::flashsystem {

using nlohmann::json;

namespace {

Response plain(int status, std::string text)
{
    return {status, std::move(text), {{"Content-Type", "text/plain"}}};
}

} // namespace

FlashSystem::FlashSystem(const ModelConfig& config)
    : switches_(switches()), account_(config, switches_), system_(config, switches_)
{}

Response FlashSystem::answer(const Request& request)
{
    if (auto broken = failing_over(request))
        return *broken;
    if (!request.path.starts_with("/rest/v1/") && !request.path.starts_with("/rest/"))
        return plain(404, "Not Found");
    if (request.method != "POST")
        return plain(404, "Not Found");
    if (!request.body.empty() && request.header("content-type").value_or("") != "application/json")
        return plain(400, "Bad Request");
    return run(request);
}

Response FlashSystem::run(const Request& request)
{
    auto parts = path_segments(request.path);
    parts.erase(parts.begin(), parts.begin() + (parts.size() > 1 && parts[1] == "v1" ? 2 : 1));
    if (parts.empty() || parts.size() > 2)
        return plain(404, "Not Found");
    if (parts[0] == "auth")
        return parts.size() == 1 ? account_.sign_in(request) : plain(404, "Not Found");
    if (auto refused = account_.refuse(request))
        return *refused;
    const auto options = request.body.empty() ? json::object() : json::parse(request.body, nullptr, false);
    if (!options.is_object())
        return plain(400, "Bad Request");
    if (parts[0] == "lshostports" && switches_.get<std::string>("hostports") == "404")
        return plain(404, "Not Found");
    try {
        const auto output = system_.run({parts[0], parts.size() > 1 ? parts[1] : "", options});
        if (output.is_null() ||
            (output.is_array() && output.empty() && switches_.get<std::string>("empty_list").empty()))
            return {200, "", {}};
        return {200, output.dump(), {}};
    } catch (const Refused& refused) {
        return refusal_in(switches_.get<std::string>("error_style"), refused);
    }
}

std::optional<Response> FlashSystem::failing_over(const Request& request)
{
    if (failover_.empty())
        return std::nullopt;
    const auto how = failover_.front();
    failover_.pop_front();
    std::optional<Response> broken;
    if (how == "conflict")
        broken = Response{409, "", {}};
    else if (how == "bad_gateway")
        broken = plain(502, "<html><body>Bad Gateway</body></html>");
    else {
        broken = run(request);
        broken->body.resize(broken->body.size() / 2);
    }
    if (failover_.empty())
        account_.end_sessions(); // the new config node knows no token of the old one
    return broken;
}

} // namespace lab::flashsystem
