// How we prove to an array who we are: basic(), or a session that is opened, may lapse, may hand out newer tokens with
// every reply, and must be closed because arrays count them.
#pragma once

#include "protocol/error.hpp"
#include "vendors/call.hpp"
#include "vendors/rest/json.hpp"
#include "vendors/rest/transport.hpp"
#include "vendors/secret.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace xcopy::rest {

struct Pass {
    std::vector<Header> headers;
    std::uint64_t number = 0; // which sign-in it came from, so that one lapse leads to one new sign-in, not to twenty
};

// Sends a request to the array as it is: without sign-in and without retries after errors.
using Send = std::function<Result<Reply>(const Call&, Request)>;

class SignIn {
public:
    SignIn() = default;
    SignIn(const SignIn&) = delete;
    SignIn& operator=(const SignIn&) = delete;
    virtual ~SignIn() = default;

    virtual Result<Pass> pass(const Call&, const Send&) = 0;      // signs in first where that is needed
    virtual bool has_lapsed(const Reply&) const { return false; } // the array wants a new sign-in
    virtual void drop(std::uint64_t /*number*/) {}                // the pass of that number is of no use any more

    // How long to wait before signing in again, when this is the lapse of that number (from 1) within one request;
    // nothing: the refusal stands.
    virtual std::optional<std::chrono::milliseconds> pause_after_lapse(int lapse) const
    {
        return lapse == 1 ? std::optional(std::chrono::milliseconds(0)) : std::nullopt;
    }

    virtual void learn(std::uint64_t /*number*/, const Reply&) {} // newer tokens, where a reply brings them
    virtual void sign_out(const Call&, const Send&) {}            // nothing can be done about a failure
    virtual std::vector<Secret> secrets() const = 0;              // what no message may contain
};

std::unique_ptr<SignIn> basic(const std::string& user, Secret password);
Header basic_header(std::string_view user, const Secret& password);

// Opens a session: gives the headers that every later request carries.
using SignInSteps = std::function<Result<std::vector<Header>>(const Call&, const Send&)>;

// Paths are relative to the array's base URL. Header values made here are secrets.
struct Session {
    SignInSteps open;
    std::function<bool(const Reply&)> lapsed;                                 // empty: status 401
    std::function<std::vector<Header>(const Reply&)> renewed;                 // empty: replies bring no newer tokens
    std::function<std::optional<Request>(const std::vector<Header>&)> logout; // empty: the session ends by itself
    std::vector<Secret> secrets;                                              // those that `open` sends

    // Pauses before signing in again after the first lapse within one request, the second and so on; when they are used
    // up the refusal stands. One without a pause is right where sessions end by time. Where a sign-in of the same user
    // elsewhere ends ours, several of growing length let both get on; each is varied by half, to fall out of step.
    std::vector<std::chrono::milliseconds> renewals{std::chrono::milliseconds(0)};
};

std::unique_ptr<SignIn> session(Session rules);

// The usual single step: `login` (url: the path), and how its reply reads.
SignInSteps one_step(Request login, std::function<Result<std::vector<Header>>(const Reply&)> read);

// One request opens the session, POST `path`: its reply holds the key for a header. DELETE `path`/<id> closes it.
struct KeySession {
    std::string path;
    std::string body;
    std::vector<Header> headers{};
    std::string key_field; // of the reply
    std::string header;
    std::string prefix{};   // before the key, in the header
    std::string id_field{}; // of the reply; empty: the key is the id too
    std::vector<Secret> secrets{};
    bool has_logout = true;
    std::function<bool(const Reply&)> lapsed{}; // as in Session, and the next too
    std::vector<std::chrono::milliseconds> renewals{std::chrono::milliseconds(0)};
};
Session key_session(KeySession rules);

// For a session whose steps keep something from opening to closing: an object with open() as Session::open, and close(),
// which gives the request that ends the session, if there is one.
template <class Steps> Session session_of(Steps steps, const std::vector<Secret>& secrets)
{
    const auto kept = std::make_shared<Steps>(std::move(steps));
    return {.open = [kept](const Call& call, const Send& send) { return kept->open(call, send); },
            .logout = [kept](const auto&) -> std::optional<Request> { return kept->close(); },
            .secrets = secrets};
}

// One step of several: the reply if it is a success, else Errc::denied, or Errc::unavailable (429, 5xx: worth repeating),
// with the array's words and the keys of the secret to check.
Result<Reply> sign_in_step(const Call&, const Send&, Request);
Result<Json> sign_in_json(const Call&, const Send&, Request); // its body; what is no JSON is Errc::unavailable
Result<Reply> sign_in_reply(Reply);                           // the same judgement on a reply that is there already

// For one_step() and Session::renewed.
Result<std::vector<Header>> from_reply_field(const Reply&, std::string_view field, std::string_view header,
                                             std::string_view prefix = "");
Result<std::vector<Header>> from_reply_header(const Reply&, std::string_view reply_header, std::string_view header);
std::optional<Header> cookies_of(const Reply&); // one Cookie header of all Set-Cookie lines

} // namespace xcopy::rest
