// One array's REST interface: signs in, repeats what may be repeated, never has more requests open than the array
// bears, reads JSON, and turns every refusal into a sentence that names the array, the request and the array's own
// words.
#pragma once

#include "protocol/error.hpp"
#include "vendors/call.hpp"
#include "vendors/rest/clock.hpp"
#include "vendors/rest/json.hpp"
#include "vendors/rest/retry.hpp"
#include "vendors/rest/sign_in.hpp"
#include "vendors/rest/throttle.hpp"
#include "vendors/rest/transport.hpp"
#include "vendors/rest/url.hpp"

#include <nlohmann/json.hpp>

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace xcopy::rest {

// What a vendor's error decoder found: the message is the array's own, without status or request.
// Called for every reply, whatever its status, for some arrays put errors into a 200. `json` is null when the body is
// none. Nothing: no error of this vendor's form; then the HTTP status alone decides.
using ErrorDecoder = std::function<std::optional<Error>(const Reply&, const Json* json)>;

struct ApiRules {
    std::string array;        // how errors call it: "NetApp ONTAP at 10.0.0.5"
    std::string base_url;     // from base_url(STORAGE_HOSTNAME)
    std::string second_url{}; // used where nothing listens at base_url (two_ports.hpp); empty: there is none
    Tls tls{};
    std::vector<Header> headers{}; // with every request
    Retry retry{};
    int max_concurrent = 20;
    std::chrono::milliseconds request_limit{60000};             // one attempt; the call's deadline limits the whole
    std::size_t max_reply_bytes = std::size_t{4} * 1024 * 1024; // more for arrays whose lists have no pages
    ErrorDecoder decode_error{};
    // What to do where neither decode_error nor the transport knows it; empty: words that fit an array.
    std::function<std::string(Errc)> usual_remedy{};
};

struct Answer {
    int status = 0;
    std::vector<Header> headers;
    Json body;
};

class Api {
public:
    Api(Transport&, ApiRules, std::unique_ptr<SignIn>, Clock& = real_clock());
    Api(const Api&) = delete;
    Api& operator=(const Api&) = delete;
    ~Api(); // signs out

    // Paths begin with '/' and hold no query of their own, except those an array gave us to follow. An empty reply
    // reads as null. A POST or PATCH whose reply was lost is Errc::indeterminate: look before repeating it.
    Result<Json> get(const Call&, std::string_view path, const Query& query = {});
    Result<Json> post(const Call&, std::string_view path, const Json& body, const Query& query = {});
    Result<Json> put(const Call&, std::string_view path, const Json& body, const Query& query = {});
    Result<Json> patch(const Call&, std::string_view path, const Json& body, const Query& query = {});
    Result<Json> remove(const Call&, std::string_view path, const Query& query = {});

    // For arrays whose every request is a POST: one that only reads, and is therefore repeated like a GET.
    Result<Json> read_by_post(const Call&, std::string_view path, const Json& body);

    // The same for who needs the reply's status or headers (Location, Content-Range). A null body is not sent.
    Result<Answer> ask(const Call&, Method, std::string_view path, const Json& body = nullptr);

    Clock& clock() const { return clock_; }
    const ApiRules& rules() const { return rules_; }

private:
    Result<Answer> request(const Call&, Request); // its url: the path
    Result<Reply> attempts(const Call&, const Request&);
    // `patience`: how long the array asked to wait in its reply to a sign-in.
    Result<Reply> signed_in(const Call&, const Request&, std::optional<std::chrono::milliseconds>& patience);
    Result<Reply> once(const Call&, Request);
    Error told(Error, const Request&) const;

    const std::unique_ptr<Transport> ports_; // null: no second URL
    Transport& transport_;
    const ApiRules rules_;
    std::unique_ptr<SignIn> sign_in_;
    Clock& clock_;
    Throttle throttle_;
};

} // namespace xcopy::rest
