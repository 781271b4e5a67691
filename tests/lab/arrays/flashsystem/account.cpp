#include "tests/lab/arrays/flashsystem/account.hpp"

#include "tests/lab/arrays/switches.hpp"

#include <cstdio>

namespace lab::flashsystem {

using nlohmann::json;

namespace {

Response plain(int status, const char* text)
{
    return {status, text, {{"Content-Type", "text/plain"}}};
}

} // namespace

Account::Account(const ModelConfig& config, const Switches& switches)
    : user_(config.user), password_(config.password), clock_(config.clock), switches_(switches)
{}

bool Account::too_many(std::deque<Time>& recent, int per_second) const
{
    const auto now = clock_.now();
    while (!recent.empty() && now - recent.front() >= std::chrono::seconds(1))
        recent.pop_front();
    if (per_second > 0 && recent.size() >= static_cast<std::size_t>(per_second))
        return true;
    recent.push_back(now);
    return false;
}

Response Account::sign_in(const Request& request)
{
    if (too_many(sign_ins_, switches_.get<int>("auth_per_second"))) {
        auto refused = plain(429, "Too Many Requests");
        if (const int seconds = switches_.get<int>("auth_retry_after"); seconds > 0)
            refused.headers["Retry-After"] = std::to_string(seconds);
        return refused;
    }
    if (request.header("x-auth-username") != user_ || request.header("x-auth-password") != password_)
        return plain(403, "Forbidden");
    if (switches_.on("one_token"))
        tokens_.clear();
    char token[65];
    (void)std::snprintf(token, sizeof token, "7a1f%060zx", (handed_out_.size() + 1) * 0x9e3779b97f4a7c15U);
    tokens_[token] = clock_.now();
    handed_out_.emplace_back(token);
    return {200, json{{"token", token}}.dump(), {}};
}

bool Account::is_open(const std::string& token) const
{
    const auto found = tokens_.find(token);
    return found != tokens_.end() &&
           clock_.now() - found->second < std::chrono::minutes(switches_.get<int>("token_minutes"));
}

std::optional<Response> Account::refuse(const Request& request)
{
    if (!is_open(request.header("x-auth-token").value_or("")))
        return plain(switches_.get<int>("lapsed_status"), "Forbidden");
    if (too_many(calls_, switches_.get<int>("calls_per_second")))
        return plain(429, "Too Many Requests");
    return std::nullopt;
}

json Account::sessions() const
{
    return {{"opened", handed_out_.size()}, {"open", tokens_.size()}, {"tokens", handed_out_}};
}

json Account::secret() const
{
    return {{"STORAGE_USERNAME", user_}, {"STORAGE_PASSWORD", password_}};
}

} // namespace lab::flashsystem
