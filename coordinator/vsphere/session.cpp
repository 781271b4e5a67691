#include "coordinator/vsphere/session.hpp"

#include "vendors/rest/url.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <charconv>

namespace xcopy::vsphere {

namespace {

using std::chrono::milliseconds;

constexpr std::string_view newest_known = "7.0.3.0"; // HostTcpHba; nothing here needs more
constexpr std::string_view oldest_known = "6.0";     // before we know theirs
constexpr milliseconds request_limit{60000};
constexpr milliseconds sign_out_limit{5000};
constexpr milliseconds first_pause{500};
constexpr milliseconds longest_pause{8000};
constexpr std::size_t largest_answer = std::size_t{64} * 1024 * 1024; // a host's storage with thousands of paths
constexpr std::size_t most_cookies = 32;

constexpr std::string_view service_content_call =
    R"(<RetrieveServiceContent xmlns="urn:vim25"><_this type="ServiceInstance">ServiceInstance</_this></RetrieveServiceContent>)";

std::vector<int> numbers(std::string_view version)
{
    std::vector<int> all;
    while (!version.empty()) {
        int number = 0;
        const auto [end, problem] = std::from_chars(version.data(), version.data() + version.size(), number);
        if (problem != std::errc{})
            break;
        all.push_back(number);
        version.remove_prefix(static_cast<std::size_t>(end - version.data()));
        version.remove_prefix(version.starts_with('.') ? 1 : version.size());
    }
    return all;
}

bool is_set_cookie(std::string_view name)
{
    return std::ranges::equal(name, std::string_view("set-cookie"),
                              [](unsigned char a, unsigned char b) { return std::tolower(a) == b; });
}

// A property read reports a dead session inside a good answer.
std::optional<Fault> fault_inside(const pugi::xml_node& response)
{
    for (const auto& object : children(child(response, "returnval"), "objects"))
        for (const auto& missing : children(object, "missingSet")) {
            auto fault = read_localized(child(missing, "fault"));
            if (meaning_of(fault) == Meaning::session_gone)
                return fault;
        }
    return std::nullopt;
}

bool is_passing(const Error& error)
{
    return error.code == Errc::unavailable || error.code == Errc::indeterminate || error.code == Errc::timed_out;
}

// Of a file's exchange. 507 is HTTP's own "Insufficient Storage"; which status a full datastore gives is not documented.
Error file_status_error(int status)
{
    Error error{Errc::failed, fmt::format("HTTP status {}", status), "", "vsphere_http_status"};
    if (status == 401 || status == 403) {
        error.code = Errc::denied;
        error.remedy = "the account needs Datastore.Browse and Datastore.FileManagement on the datastore";
    } else if (status == 404) {
        error.code = Errc::not_found;
    } else if (status == 507) {
        error.remedy = "the datastore is full: free some space on it, or name another";
        error.reason = "datastore_full";
    } else if (status >= 500) {
        error.code = Errc::unavailable;
        error.remedy = "no connected host may mount the datastore: see its events in vCenter, then run again";
    }
    return error;
}

} // namespace

Result<ServiceContent> read_service_content(const pugi::xml_node& returned)
{
    ServiceContent content{.root_folder = {},
                           .property_collector = {},
                           .session_manager = {},
                           .search_index = {},
                           .view_manager = {},
                           .api_type = text_of(returned, "about.apiType"),
                           .api_version = text_of(returned, "about.apiVersion"),
                           .full_name = text_of(returned, "about.fullName")};
    for (const auto& [name, into] :
         {std::pair("rootFolder", &content.root_folder), std::pair("propertyCollector", &content.property_collector),
          std::pair("sessionManager", &content.session_manager), std::pair("searchIndex", &content.search_index),
          std::pair("viewManager", &content.view_manager)}) {
        auto ref = ref_of(child(returned, name));
        if (!ref)
            return Error{Errc::failed, fmt::format("vCenter does not say what its {} is", name),
                         "check that --vsphere-hostname is a vCenter or an ESXi host", "vsphere_bad_reply"};
        *into = std::move(*ref);
    }
    content.file_manager = ref_of(child(returned, "fileManager"));
    return content;
}

std::string version_to_ask(std::string_view theirs)
{
    const auto numbers_of_theirs = numbers(theirs);
    return std::string(!numbers_of_theirs.empty() && numbers_of_theirs < numbers(newest_known) ? theirs : newest_known);
}

std::string envelope(std::string_view body)
{
    return fmt::format(R"(<?xml version="1.0" encoding="UTF-8"?>
<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/" xmlns:xsd="http://www.w3.org/2001/XMLSchema")"
                       R"( xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"><e:Body>{}</e:Body></e:Envelope>)",
                       body);
}

Result<Answer> read_answer(std::string_view body, std::optional<Fault>& fault)
{
    auto document = parse_xml(body);
    if (!document)
        return document.error();
    const auto inside = elements(child(**document, "Envelope.Body"));
    if (inside.empty())
        return Error{Errc::failed, "the reply is no SOAP message",
                     "check that --vsphere-hostname is a vCenter or an ESXi host", "vsphere_bad_reply"};
    if (local_name(inside.front()) == "Fault")
        fault = read_fault(inside.front());
    else
        fault = fault_inside(inside.front());
    if (fault)
        return error_of(*fault);
    return Answer{*document, inside.front()};
}

Session::Session(rest::Transport& transport, Endpoint endpoint, Log& log, rest::Clock& clock)
    : transport_(transport), endpoint_(std::move(endpoint)), log_(log), clock_(clock), secrets_{endpoint_.password}
{}

Session::~Session()
{
    sign_out(Call{}.within(sign_out_limit));
}

Error Session::told(Error error) const
{
    error.message = rest::redact(std::move(error.message), secrets_);
    return std::move(error).in("vCenter " + endpoint_.url);
}

void Session::keep_cookies(const rest::Reply& reply)
{
    for (const auto& header : reply.headers) {
        if (!is_set_cookie(header.name))
            continue;
        const auto pair = header.value.substr(0, header.value.find(';'));
        const auto equals = pair.find('=');
        if (equals == std::string::npos || equals == 0 || cookies_.size() >= most_cookies)
            continue;
        auto value = pair.substr(equals + 1); // its quotes are part of it
        secrets_.emplace_back(value);
        cookies_.insert_or_assign(pair.substr(0, equals), std::move(value));
    }
}

Result<rest::Reply> Session::send(const Call& call, rest::Request request)
{
    request.headers.push_back({"User-Agent", "xcopy-coordinator"});
    std::string cookies;
    for (const auto& [name, value] : cookies_)
        cookies += fmt::format("{}{}={}", cookies.empty() ? "" : "; ", name, value);
    if (!cookies.empty())
        request.headers.push_back({"Cookie", std::move(cookies)});
    ++requests_;
    auto reply = transport_.send(call.within(request_limit), request, endpoint_.tls);
    if (reply)
        keep_cookies(*reply);
    return reply;
}

Result<Answer> Session::once(const Call& call, std::string_view body, std::optional<Fault>& fault, bool harmless)
{
    fault.reset();
    const auto version = content_ ? version_to_ask(content_->api_version) : std::string(oldest_known);
    auto reply = send(
        call, {.method = rest::Method::post,
               .url = endpoint_.url + "/sdk",
               .headers = {{"Content-Type", "text/xml; charset=\"utf-8\""}, {"SOAPAction", "urn:vim25/" + version}},
               .body = envelope(body),
               .max_reply_bytes = largest_answer,
               .harmless = harmless});
    if (!reply)
        return reply.error();
    if (reply->status == 200 || reply->status == 500)
        if (auto answer = read_answer(reply->body, fault); answer || fault || reply->status == 200)
            return answer;
    // Whatever stands in front of vCenter answers while its services start.
    const bool passing = reply->status >= 500 || reply->status == 429;
    return Error{passing ? Errc::unavailable : Errc::failed, fmt::format("HTTP status {}", reply->status),
                 passing ? "its services may be starting: try again in some minutes"
                         : "check that --vsphere-hostname is a vCenter or an ESXi host",
                 "vsphere_http_status"};
}

// Waits before the next attempt. False: no time is left, or we are told to stop.
bool Session::may_wait(const Call& call, int attempt, const Error& why)
{
    const auto pause = std::min(first_pause * (1 << std::min(attempt - 1, 10)), longest_pause);
    if (call.stop.stop_requested())
        return false;
    log_.warn("vCenter asked again", {{"job", call.job}, {"attempt", attempt}, {"why", told(why).message}});
    return static_cast<bool>(clock_.wait(call, pause));
}

Result<void> Session::sign_in(const Call& call)
{
    std::optional<Fault> fault;
    if (!content_) {
        const auto answer = once(call, service_content_call, fault);
        if (!answer)
            return answer.error();
        auto content = read_service_content(child(answer->response, "returnval"));
        if (!content)
            return content.error();
        content_ = std::move(*content);
    }
    cookies_.clear(); // a second login on one session would be refused like a wrong password
    const auto login = fmt::format(R"(<Login xmlns="urn:vim25">{}{}{}{}</Login>)",
                                   element("_this", content_->session_manager), element("userName", endpoint_.user),
                                   element("password", endpoint_.password.reveal()), element("locale", "en_US"));
    if (auto answer = once(call, login, fault); !answer)
        return std::move(answer).error();
    signed_in_ = true;
    return {};
}

Result<void> Session::sign_in_patiently(const Call& call)
{
    for (int attempt = 1;; ++attempt) {
        auto done = sign_in(call);
        if (done || !is_passing(done.error()) || !may_wait(call, attempt, done.error()))
            return done;
    }
}

Result<const ServiceContent*> Session::content(const Call& call)
{
    const std::lock_guard lock(mutex_);
    if (!signed_in_)
        if (auto done = sign_in_patiently(call); !done)
            return told(done.error().in("sign in"));
    return &*content_;
}

Result<Answer> Session::read(const Call& call, std::string_view body)
{
    const std::lock_guard lock(mutex_);
    if (auto ready = content(call); !ready)
        return ready.error();
    bool signed_in_anew = false;
    for (int attempt = 1;; ++attempt) {
        std::optional<Fault> fault;
        auto answer = once(call, body, fault);
        if (answer)
            return answer;
        if (fault && meaning_of(*fault) == Meaning::session_gone && !signed_in_anew) {
            log_.info("vCenter session ended, signing in again", {{"job", call.job}});
            signed_in_ = false;
            signed_in_anew = true;
            if (auto done = sign_in_patiently(call); !done)
                return told(done.error().in("sign in again"));
            continue;
        }
        // Right after a good sign-in the same words can mean that vCenter is reconnecting to the host: no loop of logins.
        const bool reconnecting = fault && meaning_of(*fault) == Meaning::session_gone;
        if ((!reconnecting && !is_passing(answer.error())) || !may_wait(call, attempt, answer.error()))
            return told(answer.error());
    }
}

Result<void> Session::keep_alive(const Call& call)
{
    auto answer = read(
        call, R"(<CurrentTime xmlns="urn:vim25"><_this type="ServiceInstance">ServiceInstance</_this></CurrentTime>)");
    if (!answer)
        return answer.error();
    return {};
}

Result<Answer> Session::change(const Call& call, std::string_view body, std::optional<Fault>& fault)
{
    const std::lock_guard lock(mutex_);
    if (auto ready = content(call); !ready)
        return ready.error();
    auto answer = once(call, body, fault, false);
    if (!answer && fault && meaning_of(*fault) == Meaning::session_gone) { // then it did not begin
        signed_in_ = false;
        if (auto done = sign_in_patiently(call); !done)
            return told(done.error().in("sign in again"));
        answer = once(call, body, fault, false);
    }
    return answer ? answer : told(answer.error());
}

// Any 2xx. What passes is waited for: a PUT and a GET may be repeated.
Result<rest::Reply> Session::exchange_file(const Call& call, const rest::Request& request)
{
    const std::lock_guard lock(mutex_);
    if (auto ready = content(call); !ready)
        return ready.error();
    bool signed_in_anew = false;
    for (int attempt = 1;; ++attempt) {
        auto reply = send(call, request);
        if (reply && reply->status >= 200 && reply->status < 300)
            return reply;
        if (reply && (reply->status == 401 || reply->status == 403) && !signed_in_anew) {
            log_out(call); // the session may live: it may be the file that is refused
            signed_in_anew = true;
            if (auto done = sign_in_patiently(call); !done)
                return told(done.error().in("sign in again"));
            continue;
        }
        const Error why = reply ? file_status_error(reply->status) : reply.error();
        if (!is_passing(why) || !may_wait(call, attempt, why))
            return told(why);
    }
}

Result<void> Session::put(const Call& call, const std::string& path_and_query, const std::string& bytes)
{
    const auto reply = exchange_file(call, {.method = rest::Method::put,
                                            .url = endpoint_.url + path_and_query,
                                            .headers = {{"Content-Type", "application/octet-stream"}},
                                            .body = bytes,
                                            .harmless = true});
    return reply ? Result<void>() : reply.error();
}

Result<std::string> Session::get(const Call& call, const std::string& path_and_query)
{
    auto reply = exchange_file(call, {.method = rest::Method::get, .url = endpoint_.url + path_and_query});
    if (!reply)
        return reply.error();
    return std::move(reply->body);
}

void Session::sign_out(const Call& call)
{
    const std::lock_guard lock(mutex_);
    if (signed_in_)
        log_out(call);
}

void Session::log_out(const Call& call)
{
    signed_in_ = false;
    std::optional<Fault> fault;
    const auto body =
        fmt::format(R"(<Logout xmlns="urn:vim25">{}</Logout>)", element("_this", content_->session_manager));
    if (const auto answer = once(call, body, fault); !answer && !fault)
        log_.debug("vCenter not signed out, the session ends by itself", {{"why", told(answer.error()).message}});
    cookies_.clear();
}

} // namespace xcopy::vsphere
