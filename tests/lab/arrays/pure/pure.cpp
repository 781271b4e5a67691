// Sign-in, routing, lists.
#include "tests/lab/arrays/pure/pure.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace lab::pure {

using nlohmann::json;

FlashArray::FlashArray(const ModelConfig& config)
    : StockedModel(config,
                   {{"signs_in_by", "token", "1: secrets hold a token, or a user and a password", {"password"}},
                    {"versions", "1.19 2.0 2.26", "2: families and versions offered", {"2.4 2.40", "2.26"}},
                    {"idle_ms", 1800000, "2: how long a session lives unused"},
                    {"wwn_case", "colons", "5: how WWNs are shown", {"plain"}},
                    {"largest_page", 1000, "8: pages", {1}},
                    {"context_in_errors", true, "6: context may be absent from 2.38 on", {false}},
                    {"taken_message",
                     "LUN is already in use.",
                     "6: wording of a number in use",
                     {"The specified lun is not available."}},
                    {"disconnect_status", 200, "6: an empty 204 is tolerated", {204}},
                    {"overwrite_keeps_size", false, "7: whether an overwritten volume keeps its size", {true}},
                    {"errors_in_200", false, "8: partial failures are a 200 with errors", {true}},
                    {"copy_fails", false, "a copy is refused"}},
                   {"PURE", "FlashArray"})
{}

Response FlashArray::answer(const Request& request)
{
    if (request.path == "/api/api_version" && request.method == "GET") {
        json versions = json::array();
        const auto all = switches_.get<std::string>("versions") + " ";
        // A user's token comes from REST 1, so who signs in by password is offered that.
        if (switches_.get<std::string>("signs_in_by") == "password")
            versions.push_back("1.19");
        for (std::size_t at = 0; at < all.size(); at = all.find(' ', at) + 1)
            versions.push_back(all.substr(at, all.find(' ', at) - at));
        return {200, json{{"version", versions}}.dump(), {}};
    }
    const auto parts = path_segments(request.path);
    if (parts.size() < 3 || parts[0] != "api")
        return {404, "<html>404</html>", {{"Content-Type", "text/html"}}};
    if (parts[1].starts_with("1."))
        return parts[2] == "auth" && parts.back() == "apitoken" ? fetch_token(request) : Response{404, "[]", {}};
    if ((" " + switches_.get<std::string>("versions") + " ").find(" " + parts[1] + " ") == std::string::npos)
        return {404, R"({"errors":[{"message":"The API version is not supported."}]})", {}};
    if (parts[2] == "login" && request.method == "POST")
        return log_in(request);
    if (!is_signed_in(request))
        return {401, R"({"errors":[{"message":"The session is invalid."}]})", {}};
    std::string resource = parts[2];
    for (std::size_t i = 3; i < parts.size(); ++i)
        resource += "/" + parts[i];
    try {
        return dispatch(request, resource);
    } catch (const Refusal& refusal) {
        json error = {{"message", refusal.message}};
        if (switches_.on("context_in_errors"))
            error["context"] = refusal.context;
        const bool inside = switches_.on("errors_in_200") && request.method != "GET";
        json body = {{"errors", {error}}};
        if (inside)
            body["items"] = json::array();
        return {inside ? 200 : refusal.status, body.dump(), {}};
    } catch (const json::exception& wrong) {
        return {400, json{{"errors", {{{"message", wrong.what()}}}}}.dump(), {}};
    }
}

Response FlashArray::fetch_token(const Request& request) const
{
    const auto body = json::parse(request.body, nullptr, false);
    if (request.method != "POST" || body.is_discarded() || body.value("username", "") != user_ ||
        body.value("password", "") != password_)
        return {400, R"([{"ctx":"","msg":"invalid credentials"}])", {}};
    return {200, json{{"api_token", api_token_}}.dump(), {}};
}

Response FlashArray::log_in(const Request& request)
{
    if (request.header("api-token") != api_token_)
        return {401, R"({"errors":[{"message":"Invalid API token."}]})", {}};
    const auto token = fmt::format("x4uth-{}-70ken-pure", ++opened_);
    tokens_.push_back(token);
    sessions_[token] = clock_.now();
    return {200, json{{"items", {{{"username", user_}}}}}.dump(), {{"x-auth-token", token}}};
}

bool FlashArray::is_signed_in(const Request& request)
{
    const auto session = sessions_.find(request.header("x-auth-token").value_or(""));
    if (session == sessions_.end())
        return false;
    if (clock_.now() - session->second > std::chrono::milliseconds(switches_.get<int>("idle_ms"))) {
        sessions_.erase(session);
        return false;
    }
    session->second = clock_.now();
    return true;
}

Response FlashArray::dispatch(const Request& request, const std::string& resource)
{
    const auto body = request.body.empty() ? json::object() : json::parse(request.body);
    const auto is = [&](const char* method, const char* what) { return request.method == method && resource == what; };
    if (is("POST", "logout")) {
        sessions_.erase(request.header("x-auth-token").value_or(""));
        return {200, "", {}};
    }
    if (is("GET", "arrays"))
        return items(request, {{{"id", "a1"},
                                {"name", "pure-lab"},
                                {"os", "Purity//FA"},
                                {"version", "6.4.10"},
                                {"idle_timeout", 1800000}}});
    if (is("GET", "controllers"))
        return items(request, {{{"name", "CT0"}, {"mode", "primary"}, {"model", "FA-X70R3"}, {"status", "ready"}}});
    if (is("GET", "volumes"))
        return items(request, volumes(request));
    if (is("GET", "volumes/tags"))
        return items(request, tags(request));
    if (is("POST", "volumes"))
        return copy_volume(request, body);
    if (is("PATCH", "volumes"))
        return change_volume(request, body);
    if (is("GET", "hosts")) {
        json all = json::array();
        for (const auto& host : inventory_.hosts)
            all.push_back(host_item(host));
        return items(request, all);
    }
    if (is("POST", "hosts"))
        return create_host(request, body);
    if (is("PATCH", "hosts"))
        return change_host(request, body);
    if (is("GET", "connections"))
        return items(request, connections(request));
    if (is("POST", "connections"))
        return connect(request, body);
    if (is("DELETE", "connections"))
        return disconnect(request);
    throw Refusal{"", "Not found.", 404};
}

Response FlashArray::items(const Request& request, const json& all) const
{
    const auto start = std::stoul("0" + request.parameter("continuation_token").value_or(""));
    const auto limit =
        std::min(std::stoul(request.parameter("limit").value_or("1000")), switches_.get<unsigned long>("largest_page"));
    json shown = json::array();
    for (std::size_t i = start; i < std::min(all.size(), start + limit); ++i)
        shown.push_back(all[i]);
    const bool more = start + limit < all.size();
    json body = {{"items", shown}, {"more_items_remaining", more}, {"total_item_count", nullptr}};
    body["continuation_token"] = more ? json(std::to_string(start + limit)) : json();
    return {200, body.dump(), {}};
}

} // namespace lab::pure
