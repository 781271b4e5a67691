#include "tests/lab/arrays/powerstore/sessions.hpp"

#include <algorithm>

namespace lab::powerstore {

namespace {

constexpr std::size_t tokens_kept = 20;

} // namespace

std::string Sessions::make_token()
{
    tokens_.push_back("Zx8Qk4Lm" + std::to_string(++made_) + "tOkEn==");
    return tokens_.back();
}

std::map<std::string, std::string> Sessions::open()
{
    const auto cookie = "c00k1e" + std::to_string(++opened_) + "pstore";
    tokens_.push_back(cookie);
    open_[cookie] = {{make_token()}, clock_.now()};
    return {{"Set-Cookie", "auth_cookie=" + cookie + "; Path=/; Secure; HttpOnly"},
            {"DELL-EMC-TOKEN", open_[cookie].tokens.back()}};
}

std::string Sessions::cookie_of(const Request& request) const
{
    const auto header = request.header("cookie").value_or("");
    const auto at = header.find("auth_cookie=");
    return at == std::string::npos ? std::string() : header.substr(at + 12, header.find(';', at) - at - 12);
}

int Sessions::judge(const Request& request, bool write, int idle_seconds, int expired_status)
{
    const auto session = open_.find(cookie_of(request));
    if (session == open_.end())
        return cookie_of(request).empty() ? 401 : expired_status;
    if (clock_.now() - session->second.used > std::chrono::seconds(idle_seconds)) {
        open_.erase(session);
        return expired_status;
    }
    session->second.used = clock_.now();
    const auto token = request.header("dell-emc-token").value_or("");
    return write && std::ranges::count(session->second.tokens, token) == 0 ? 403 : 0;
}

std::string Sessions::newer_token(const Request& request)
{
    auto& tokens = open_.at(cookie_of(request)).tokens;
    tokens.push_back(make_token());
    if (tokens.size() > tokens_kept)
        tokens.erase(tokens.begin());
    return tokens.back();
}

void Sessions::close(const Request& request)
{
    open_.erase(cookie_of(request));
}

} // namespace lab::powerstore
