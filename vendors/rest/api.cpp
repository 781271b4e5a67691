#include "vendors/rest/api.hpp"

#include "vendors/rest/two_ports.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <utility>

namespace xcopy::rest {

namespace {

constexpr std::chrono::seconds sign_out_limit{5};

// Words for a refusal whose body says nothing we can read.
Error from_status(const Reply& reply)
{
    const auto words = reply.body.empty() ? std::string("no further words") : one_line(reply.body, 200);
    if (reply.status == 429) // Errc::busy would mean that a LUN number is taken
        return {Errc::unavailable, fmt::format("HTTP 429: {}", words)};
    return {errc_from_http_status(reply.status), fmt::format("HTTP {}: {}", reply.status, words)};
}

// Nobody is left without a next step. Only where neither the vendor's decoder nor the transport knew a better one.
std::string_view usual_remedy(Errc code)
{
    switch (code) {
    case Errc::unavailable:
    case Errc::timed_out:
    case Errc::busy:
    case Errc::indeterminate:
        return "the array or the way to it is overloaded or restarting: run again, what was begun is taken up";
    case Errc::denied:
        return "check STORAGE_USERNAME and STORAGE_PASSWORD (or STORAGE_TOKEN), and the account's role on the array";
    case Errc::cancelled:
        return "";
    default:
        return "look for this message in the array's page below docs/arrays; run again when its cause is mended";
    }
}

Result<Json> json_of(Result<Answer> answer)
{
    if (!answer)
        return answer.error();
    return as_result(std::move(answer->body));
}

} // namespace

Api::Api(Transport& transport, ApiRules rules, std::unique_ptr<SignIn> sign_in, Clock& clock)
    : ports_(rules.second_url.empty() ? nullptr : two_ports(transport, rules.base_url, rules.second_url)),
      transport_(ports_ ? *ports_ : transport), rules_(std::move(rules)), sign_in_(std::move(sign_in)), clock_(clock),
      throttle_(rules_.max_concurrent)
{}

Api::~Api()
{
    sign_in_->sign_out(Call{}.within(sign_out_limit),
                       [this](const Call& call, Request request) { return once(call, std::move(request)); });
}

Result<Json> Api::get(const Call& call, std::string_view path, const Query& query)
{
    return json_of(request(call, {.method = Method::get, .url = with_query(path, query)}));
}

Result<Json> Api::post(const Call& call, std::string_view path, const Json& body, const Query& query)
{
    return json_of(request(call, {.method = Method::post, .url = with_query(path, query), .body = to_text(body)}));
}

Result<Json> Api::put(const Call& call, std::string_view path, const Json& body, const Query& query)
{
    return json_of(request(call, {.method = Method::put, .url = with_query(path, query), .body = to_text(body)}));
}

Result<Json> Api::patch(const Call& call, std::string_view path, const Json& body, const Query& query)
{
    return json_of(request(call, {.method = Method::patch, .url = with_query(path, query), .body = to_text(body)}));
}

Result<Json> Api::remove(const Call& call, std::string_view path, const Query& query)
{
    return json_of(request(call, {.method = Method::remove, .url = with_query(path, query)}));
}

Result<Json> Api::read_by_post(const Call& call, std::string_view path, const Json& body)
{
    return json_of(
        request(call, {.method = Method::post, .url = std::string(path), .body = to_text(body), .harmless = true}));
}

Result<Answer> Api::ask(const Call& call, Method method, std::string_view path, const Json& body)
{
    return request(
        call, {.method = method, .url = std::string(path), .body = body.is_null() ? std::string() : to_text(body)});
}

Result<Answer> Api::request(const Call& call, Request request)
{
    request.max_reply_bytes = rules_.max_reply_bytes;
    auto reply = attempts(call, request);
    if (!reply)
        return told(reply.error(), request);

    auto json = reply->body.empty() ? as_result(nullptr) : parse_json(reply->body);
    if (rules_.decode_error)
        if (auto error = rules_.decode_error(*reply, json ? &*json : nullptr))
            return told(std::move(*error), request);
    if (reply->status < 200 || reply->status > 299)
        return told(from_status(*reply), request);
    if (!json) { // a success we cannot read: what it changed, if anything, has to be looked up
        if (!may_be_repeated(request))
            return told({Errc::indeterminate, json.error().message, "", "unreadable_reply"}, request);
        return told(json.error(), request);
    }
    return Answer{reply->status, std::move(reply->headers), std::move(*json)};
}

Result<Reply> Api::attempts(const Call& call, const Request& request)
{
    const auto permit = throttle_.enter(call);
    if (!permit)
        return permit.error();
    for (int attempt = 1;; ++attempt) {
        std::optional<std::chrono::milliseconds> patience;
        auto reply = signed_in(call, request, patience);
        std::optional<std::chrono::milliseconds> delay;
        if (reply || clock_.now() < call.deadline)
            delay = next_delay(rules_.retry, attempt, request, reply);
        if (delay && !reply && patience)
            delay = std::min(*patience, rules_.retry.longest_retry_after);
        if (!delay)
            return reply;
        if (auto waited = clock_.wait(call, *delay); !waited) {
            if (waited.error().code == Errc::cancelled)
                return waited.error();
            return reply; // no time left to wait: what the array said helps more than "timed out"
        }
    }
}

Result<Reply> Api::signed_in(const Call& call, const Request& request,
                             std::optional<std::chrono::milliseconds>& patience)
{
    const Send send = [&](const Call& to, Request login) -> Result<Reply> {
        auto reply = once(to, std::move(login));
        if (reply && rules_.retry.on.contains(reply->status))
            patience = reply->retry_after();
        if (reply && rules_.retry.no_answer && rules_.retry.no_answer(*reply))
            return Error{Errc::unavailable, fmt::format("no usable answer (HTTP {})", reply->status)};
        return reply;
    };
    for (int lapses = 1;; ++lapses) {
        const auto pass = sign_in_->pass(call, send);
        if (!pass)
            return pass.error();
        Request complete = request;
        complete.headers.insert(complete.headers.end(), pass->headers.begin(), pass->headers.end());
        auto reply = once(call, std::move(complete));
        if (!reply)
            return reply;
        sign_in_->learn(pass->number, *reply);
        // Refused for want of a session means not carried out, so even a POST is repeated; but not for ever, for a
        // session that is refused right after it was opened is an account without rights.
        if (!sign_in_->has_lapsed(*reply))
            return reply;
        sign_in_->drop(pass->number);
        const auto pause = sign_in_->pause_after_lapse(lapses);
        if (!pause)
            return reply;
        if (*pause > std::chrono::milliseconds(0))
            if (auto waited = clock_.wait(call, *pause); !waited)
                return waited.error().code == Errc::cancelled ? waited.error() : reply;
    }
}

Result<Reply> Api::once(const Call& call, Request request)
{
    request.url = rules_.base_url + request.url;
    request.headers.insert(request.headers.begin(), rules_.headers.begin(), rules_.headers.end());
    if (!request.body.empty())
        request.headers.push_back({"Content-Type", "application/json"});
    const Call limited = call.within(rules_.request_limit);
    auto reply = transport_.send(limited, request, rules_.tls);
    if (!reply && reply.error().code == Errc::timed_out && !may_be_repeated(request))
        return Error{Errc::indeterminate, "no answer in time; it may have taken effect", "", reply.error().reason};
    if (!reply && reply.error().code == Errc::indeterminate && request.harmless)
        return Error{Errc::unavailable, reply.error().message, reply.error().remedy, reply.error().reason};
    return reply;
}

Error Api::told(Error error, const Request& request) const
{
    if (error.remedy.empty())
        error.remedy = rules_.usual_remedy ? rules_.usual_remedy(error.code) : std::string(usual_remedy(error.code));
    const auto secrets = sign_in_->secrets();
    error.message = redact(std::move(error.message), secrets);
    error.remedy = redact(std::move(error.remedy), secrets);
    return std::move(error).in(fmt::format("{}: {} {}", rules_.array, name(request.method),
                                           request.hide_path ? "/***" : redact(path_of(request.url), secrets)));
}

} // namespace xcopy::rest
