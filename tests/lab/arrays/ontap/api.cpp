#include "tests/lab/arrays/ontap/api.hpp"

#include <algorithm>

namespace lab::ontap {

using nlohmann::json;

struct Api::Route {
    std::string method;
    std::vector<std::string> path; // "{}" stands for any one segment
    Handler handler;
};

const std::vector<Api::Route>& Api::routes()
{
    static const std::vector<Route> table = {
        {"GET", path_segments("/api/cluster"), &Api::get_cluster},
        {"GET", path_segments("/api/cluster/nodes"), &Api::list_nodes},
        {"GET", path_segments("/api/cluster/jobs/{}"), &Api::get_job},
        {"GET", path_segments("/api/svm/svms"), &Api::list_svms},
        {"GET", path_segments("/api/storage/luns"), &Api::list_luns},
        {"POST", path_segments("/api/storage/luns"), &Api::create_lun},
        {"GET", path_segments("/api/storage/luns/{}"), &Api::get_lun},
        {"DELETE", path_segments("/api/storage/luns/{}"), &Api::delete_lun},
        {"GET", path_segments("/api/protocols/san/igroups"), &Api::list_igroups},
        {"POST", path_segments("/api/protocols/san/igroups"), &Api::create_igroup},
        {"GET", path_segments("/api/protocols/san/igroups/{}"), &Api::get_igroup},
        {"DELETE", path_segments("/api/protocols/san/igroups/{}"), &Api::delete_igroup},
        {"GET", path_segments("/api/protocols/san/igroups/{}/initiators"), &Api::list_initiators},
        {"POST", path_segments("/api/protocols/san/igroups/{}/initiators"), &Api::add_initiators},
        {"DELETE", path_segments("/api/protocols/san/igroups/{}/initiators/{}"), &Api::remove_initiator},
        {"POST", path_segments("/api/protocols/san/igroups/{}/igroups"), &Api::add_children},
        {"GET", path_segments("/api/protocols/san/lun-maps"), &Api::list_maps},
        {"POST", path_segments("/api/protocols/san/lun-maps"), &Api::create_map},
        {"GET", path_segments("/api/protocols/san/lun-maps/{}/{}"), &Api::get_map},
        {"DELETE", path_segments("/api/protocols/san/lun-maps/{}/{}"), &Api::delete_map},
        {"GET", path_segments("/api/protocols/san/lun-maps/{}/{}/reporting-nodes"), &Api::list_reporting_nodes},
    };
    return table;
}

namespace {

// What {} of the route stands for, or nothing when the path is another.
std::optional<std::vector<std::string>> values_in(const std::vector<std::string>& path,
                                                  const std::vector<std::string>& route)
{
    if (path.size() != route.size())
        return std::nullopt;
    std::vector<std::string> values;
    for (std::size_t i = 0; i < path.size(); ++i) {
        if (route[i] == "{}")
            values.push_back(path[i]);
        else if (path[i] != route[i])
            return std::nullopt;
    }
    return values;
}

// {"lun.name": "a"} means {"lun": {"name": "a"}}.
json expanded(const json& body)
{
    json result = json::object();
    for (const auto& [key, value] : body.items()) {
        json* place = &result;
        std::size_t from = 0;
        for (auto dot = key.find('.'); dot != std::string::npos; from = dot + 1, dot = key.find('.', from))
            place = &(*place)[key.substr(from, dot - from)];
        (*place)[key.substr(from)] = value;
    }
    return result;
}

struct Body {
    json value = json::object();
};

Answer<Body> parse_body(const std::string& text)
{
    if (text.empty())
        return Body{};
    auto body = json::parse(text, nullptr, false);
    if (!body.is_object())
        return Refusal{"2", "The body is not a JSON object.", ""};
    try {
        return Body{expanded(body)};
    } catch (const json::exception&) {
        return Refusal{"2", "The body names a field twice.", ""};
    }
}

// "application/json" leaves out links, except those to the next page.
bool wants_links(const Request& request)
{
    const auto accept = request.header("accept").value_or("*/*");
    return accept.find("application/json") == std::string::npos;
}

void add_links(const std::string& path, json& body)
{
    if (!body.contains("records"))
        return;
    body["_links"]["self"]["href"] = path;
    for (auto& record : body["records"]) {
        if (record.contains("uuid") && record["uuid"].is_string())
            record["_links"]["self"]["href"] = path + "/" + record["uuid"].get<std::string>();
    }
}

} // namespace

Api::Api(std::string array, State& state, Switches& switches, BasicLogin login)
    : array_(std::move(array)), state_(state), switches_(switches), login_(std::move(login))
{}

Response Api::handle(const Request& request)
{
    const auto login = basic_login(request);
    if (!login || login->user != login_.user || login->password != login_.password)
        return refuse({switches_.unauthorized_code, "User is not authorized.", ""});

    Answer<Success> answer = Success{};
    try {
        answer = dispatch(request);
    } catch (const json::exception& wrong_type) {
        answer = Refusal{"2", std::string("The body has a field of the wrong type: ") + wrong_type.what(), ""};
    }
    if (!answer)
        return refuse(answer.error());

    const bool links = wants_links(request);
    if (links)
        add_links(request.path, answer->body);
    if (answer->body.contains("job") && links)
        answer->body["job"]["_links"]["self"]["href"] =
            "/api/cluster/jobs/" + answer->body["job"]["uuid"].get<std::string>();
    Response response{.status = answer->status,
                      .body = answer->body.dump(),
                      .headers = {{"Content-Type", links ? "application/hal+json" : "application/json"}}};
    if (!answer->location.empty())
        response.headers["Location"] = answer->location;
    return response;
}

Answer<Success> Api::dispatch(const Request& request)
{
    const auto segments = path_segments(request.path);
    bool path_exists = false;
    for (const auto& route : routes()) {
        auto values = values_in(segments, route.path);
        if (!values)
            continue;
        path_exists = true;
        if (route.method != request.method)
            continue;
        auto body = parse_body(request.body);
        if (!body)
            return body.error();
        auto scope = scope_of(request);
        if (!scope)
            return scope.error();
        const Call call{request, std::move(*values), std::move(body->value), std::move(*scope)};
        return (this->*route.handler)(call);
    }
    if (path_exists)
        return Refusal{"3", "The operation is not supported.", ""};
    return Refusal{"4", "API not found", ""};
}

// An account of an SVM sees that one; cluster accounts may choose one by header.
Answer<std::optional<std::string>> Api::scope_of(const Request& request) const
{
    const auto& account = switches_.svm_scoped_account;
    const auto header = request.header("x-dot-svm-name");
    if (header && !state_.find_svm(*header))
        return Refusal{"2621462", "SVM \"" + *header + "\" does not exist.", ""};
    if (!account.empty() && header && *header != account)
        return Refusal{"6", "not authorized for that command", ""};
    if (!account.empty())
        return std::optional(account);
    return header;
}

int Api::status_of(const Refusal& refusal) const
{
    if (auto set = switches_.error_status.find(refusal.code); set != switches_.error_status.end())
        return set->second;
    if (refusal.code == switches_.unauthorized_code)
        return 401;
    if (refusal.code == switches_.number_taken_code && refusal.target == "logical_unit_number")
        return switches_.number_taken_status;
    if (refusal.code == switches_.map_missing_igroup_code && refusal.target == "igroup")
        return 404;
    return usual_status(refusal.code);
}

Response Api::refuse(const Refusal& refusal) const
{
    json error = {{"message", refusal.message}, {"code", refusal.code}};
    if (!refusal.target.empty())
        error["target"] = refusal.target;
    Response response{.status = status_of(refusal), .body = json{{"error", error}}.dump(), .headers = {}};
    if (response.status == 401)
        response.headers["WWW-Authenticate"] = "Basic realm=\"ONTAP\"";
    return response;
}

Answer<const Svm*> Api::svm_of(const Call& call) const
{
    const auto reference = call.body.value("svm", json::object());
    const auto uuid = string_or(reference, "uuid", "");
    const auto name = string_or(reference, "name", "");
    if (uuid.empty() && name.empty()) {
        if (!call.svm)
            return Refusal{"2621707", "No SVM was specified.", "svm"};
        return state_.find_svm(*call.svm);
    }
    const auto* svm = state_.find_svm(uuid.empty() ? name : uuid);
    if (!svm || !call.sees(svm->name))
        return Refusal{"2621462", "SVM \"" + (name.empty() ? uuid : name) + "\" does not exist.", "svm"};
    if (!name.empty() && name != svm->name)
        return Refusal{"2621706", "The name and the UUID of the SVM do not belong together.", "svm"};
    return svm;
}

std::string Api::lun_uuid(const json& reference, const std::string& svm) const
{
    const auto uuid = string_or(reference, "uuid", "");
    const auto name = string_or(reference, "name", "");
    auto same = [&](const Lun& lun) { return lun.svm == svm && (uuid.empty() ? lun.name == name : lun.uuid == uuid); };
    const auto found = std::ranges::find_if(state_.luns(), same);
    return found == state_.luns().end() ? "" : found->uuid;
}

std::string Api::igroup_uuid(const json& reference, const std::string& svm) const
{
    const auto uuid = string_or(reference, "uuid", "");
    const auto name = string_or(reference, "name", "");
    auto same = [&](const Igroup& group) {
        return group.svm == svm && (uuid.empty() ? group.name == name : group.uuid == uuid);
    };
    const auto found = std::ranges::find_if(state_.igroups(), same);
    return found == state_.igroups().end() ? "" : found->uuid;
}

Answer<const Igroup*> Api::igroup_of(const Call& call) const
{
    const auto* group = state_.find_igroup(call.path[0]);
    if (!group || !call.sees(group->svm))
        return Refusal{"5374852", "The initiator group does not exist.", "igroup.uuid"};
    return group;
}

std::optional<Refusal> unexpected_key(const Call& call, std::initializer_list<std::string_view> known)
{
    if (flag(call.request, "ignore_unknown_fields"))
        return std::nullopt;
    for (const auto& [key, value] : call.body.items()) {
        if (std::ranges::find(known, key) == known.end())
            return Refusal{"2", "Unexpected argument \"" + key + "\".", key};
    }
    return std::nullopt;
}

std::string string_or(const json& object, const std::string& key, const std::string& otherwise)
{
    return object.is_object() ? object.value(key, otherwise) : otherwise;
}

Success created(const Request& request, std::string location, json records)
{
    Success success{.status = 201, .body = json::object(), .location = std::move(location)};
    if (flag(request, "return_records"))
        success.body = {{"num_records", records.size()}, {"records", std::move(records)}};
    return success;
}

} // namespace lab::ontap
