#include "vendors/rest/sign_in.hpp"

#include "vendors/rest/json.hpp"
#include "vendors/rest/throttle.hpp"
#include "vendors/rest/url.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cctype>
#include <mutex>
#include <random>
#include <tuple>
#include <utility>

namespace xcopy::rest {

namespace {

constexpr std::string_view sign_in_denied = "sign_in_denied";

bool same_name(std::string_view a, std::string_view b)
{
    return std::ranges::equal(a, b,
                              [](unsigned char x, unsigned char y) { return std::tolower(x) == std::tolower(y); });
}

// Between half and one and a half times as long.
std::chrono::milliseconds varied(std::chrono::milliseconds pause)
{
    thread_local std::minstd_rand random{std::random_device{}()};
    return pause / 2 + std::chrono::milliseconds(std::uniform_int_distribution<std::int64_t>(0, pause.count())(random));
}

class Basic : public SignIn {
public:
    Basic(const std::string& user, Secret password)
        : header_(basic_header(user, password)), password_(std::move(password))
    {}

    Result<Pass> pass(const Call&, const Send&) override { return Pass{{header_}, 0}; }
    std::vector<Secret> secrets() const override { return {password_, Secret(header_.value.substr(6))}; }

private:
    Header header_;
    Secret password_;
};

class SessionSignIn : public SignIn {
public:
    explicit SessionSignIn(Session rules) : rules_(std::move(rules)) {}

    Result<Pass> pass(const Call& call, const Send& send) override
    {
        if (auto current = current_pass())
            return *current;
        // One signs in, the others wait for it: some arrays let a new sign-in end the previous session.
        auto turn = signing_in_.enter(call);
        if (!turn)
            return turn.error();
        if (auto current = current_pass())
            return *current;
        if (denied_) // the next disk's attempt would be one more towards locking the account
            return *denied_;
        auto headers = rules_.open(call, send);
        if (!headers) {
            Error error = Error(headers.error()).in("sign in");
            if (error.reason == sign_in_denied)
                denied_ = error;
            if (error.code == Errc::indeterminate) // at worst a session is open that nobody uses
                error.code = Errc::unavailable;
            return error;
        }
        const std::lock_guard lock(mutex_);
        pass_ = Pass{std::move(*headers), ++sign_ins_};
        return *pass_;
    }

    bool has_lapsed(const Reply& reply) const override
    {
        return rules_.lapsed ? rules_.lapsed(reply) : reply.status == 401;
    }

    std::optional<std::chrono::milliseconds> pause_after_lapse(int lapse) const override
    {
        const auto index = static_cast<std::size_t>(lapse - 1);
        if (index >= rules_.renewals.size())
            return std::nullopt;
        return varied(rules_.renewals[index]);
    }

    void drop(std::uint64_t number) override
    {
        const std::lock_guard lock(mutex_);
        if (pass_ && pass_->number == number)
            pass_.reset();
    }

    void learn(std::uint64_t number, const Reply& reply) override
    {
        if (!rules_.renewed)
            return;
        const auto newer = rules_.renewed(reply);
        const std::lock_guard lock(mutex_);
        if (!pass_ || pass_->number != number)
            return;
        for (const Header& header : newer) {
            const auto held = std::ranges::find_if(
                pass_->headers, [&](const Header& ours) { return same_name(ours.name, header.name); });
            if (held == pass_->headers.end())
                pass_->headers.push_back(header);
            else
                held->value = header.value;
        }
    }

    void sign_out(const Call& call, const Send& send) override
    {
        const auto current = current_pass();
        if (!current || !rules_.logout)
            return;
        if (auto request = rules_.logout(current->headers)) {
            request->headers.insert(request->headers.end(), current->headers.begin(), current->headers.end());
            (void)send(call, std::move(*request)); // a session we cannot close ends by its idle time
        }
        drop(current->number);
    }

    std::vector<Secret> secrets() const override
    {
        auto secrets = rules_.secrets;
        if (const auto current = current_pass())
            for (const Header& header : current->headers)
                secrets.emplace_back(header.value);
        return secrets;
    }

private:
    std::optional<Pass> current_pass() const
    {
        const std::lock_guard lock(mutex_);
        return pass_;
    }

    const Session rules_;
    Throttle signing_in_{1};
    mutable std::mutex mutex_;
    std::optional<Pass> pass_;
    std::optional<Error> denied_; // changed and read by whoever is signing in
    std::uint64_t sign_ins_ = 0;
};

} // namespace

Header basic_header(std::string_view user, const Secret& password)
{
    return {"Authorization", "Basic " + base64(fmt::format("{}:{}", user, password.reveal()))};
}

std::unique_ptr<SignIn> basic(const std::string& user, Secret password)
{
    return std::make_unique<Basic>(user, std::move(password));
}

std::unique_ptr<SignIn> session(Session rules)
{
    return std::make_unique<SessionSignIn>(std::move(rules));
}

Session key_session(KeySession rules)
{
    struct Steps : KeySession {
        std::string id{};

        Result<std::vector<Header>> open(const Call& call, const Send& send)
        {
            const auto reply =
                sign_in_step(call, send, {.method = Method::post, .url = path, .headers = headers, .body = body});
            if (!reply)
                return reply.error();
            const auto json = parse_json(reply->body);
            id = json ? text_at(*json, id_field.empty() ? key_field : id_field) : std::string();
            return from_reply_field(*reply, key_field, header, prefix);
        }

        std::optional<Request> close() const
        {
            if (id.empty() || !has_logout)
                return std::nullopt;
            return Request{
                .method = Method::remove, .url = path + "/" + percent_encode(id), .hide_path = id_field.empty()};
        }
    };
    auto [lapsed, renewals, secrets] = std::tuple(rules.lapsed, rules.renewals, std::move(rules.secrets));
    auto session = session_of(Steps{std::move(rules)}, secrets);
    session.lapsed = std::move(lapsed);
    session.renewals = std::move(renewals);
    return session;
}

Result<Reply> sign_in_step(const Call& call, const Send& send, Request request)
{
    auto reply = send(call, std::move(request));
    return reply ? sign_in_reply(std::move(*reply)) : reply;
}

Result<Reply> sign_in_reply(Reply reply)
{
    if (reply.status < 200 || reply.status > 299) {
        const bool may_pass = reply.status == 429 || reply.status >= 500;
        return Error{may_pass ? Errc::unavailable : Errc::denied,
                     fmt::format("HTTP {}: {}", reply.status, one_line(reply.body, 200)),
                     may_pass ? "the array is overloaded, or has no session left: those that nobody uses end by "
                                "themselves, mostly within 15 minutes; run again then"
                              : "check STORAGE_USERNAME and STORAGE_PASSWORD (or STORAGE_TOKEN) in the array's secret",
                     may_pass ? "sign_in_unavailable" : std::string(sign_in_denied)};
    }
    return reply;
}

Result<Json> sign_in_json(const Call& call, const Send& send, Request request)
{
    const auto reply = sign_in_step(call, send, std::move(request));
    if (!reply)
        return reply.error();
    auto json = parse_json(reply->body);
    return json ? std::move(json) : Error{Errc::unavailable, json.error().message};
}

SignInSteps one_step(Request login, std::function<Result<std::vector<Header>>(const Reply&)> read)
{
    return [login = std::move(login), read = std::move(read)](const Call& call,
                                                              const Send& send) -> Result<std::vector<Header>> {
        const auto reply = sign_in_step(call, send, login);
        if (!reply)
            return reply.error();
        return read(*reply);
    };
}

Result<std::vector<Header>> from_reply_field(const Reply& reply, std::string_view field, std::string_view header,
                                             std::string_view prefix)
{
    const auto json = parse_json(reply.body);
    const std::string token = json ? text_at(*json, field) : std::string();
    if (token.empty())
        return Error{Errc::failed, fmt::format("the reply holds no '{}'", field)};
    return std::vector<Header>{{std::string(header), std::string(prefix) + token}};
}

Result<std::vector<Header>> from_reply_header(const Reply& reply, std::string_view reply_header,
                                              std::string_view header)
{
    const auto token = reply.header(reply_header);
    if (!token || token->empty())
        return Error{Errc::failed, fmt::format("the reply has no header '{}'", reply_header)};
    return std::vector<Header>{{std::string(header), std::string(*token)}};
}

std::optional<Header> cookies_of(const Reply& reply)
{
    std::string cookies;
    for (const Header& header : reply.headers)
        if (same_name(header.name, "Set-Cookie"))
            cookies += (cookies.empty() ? "" : "; ") + header.value.substr(0, header.value.find(';'));
    if (cookies.empty())
        return std::nullopt;
    return Header{"Cookie", cookies};
}

} // namespace xcopy::rest
