// Sessions, volumes, and the way of a request.
#include "tests/lab/arrays/primera3par/primera3par.hpp"

#include <algorithm>
#include <cctype>
#include <chrono>

namespace lab::primera3par {

using nlohmann::json;

namespace {

constexpr std::chrono::minutes idle_limit{15};

// "name": {"type": …, "required": true}
bool has_type(const json& value, const std::string& type)
{
    return (type == "string" && value.is_string()) || (type == "number" && value.is_number_integer()) ||
           (type == "bool" && value.is_boolean()) || (type == "object" && value.is_object()) ||
           (type == "strings" && value.is_array() &&
            std::ranges::all_of(value, [](const json& one) { return one.is_string(); }));
}

} // namespace

Response Primera3par::answer(const Request& request)
{
    advance();
    try {
        if (request.path == "/api" && request.method == "GET")
            return json_response(200, {{"major", 1}, {"minor", 6}, {"revision", 0}, {"build", 40000128}});
        auto path = path_segments(request.path);
        if (path.size() < 3 || path[0] != "api" || path[1] != "v1" || request.path.find("//") != std::string::npos)
            throw Refusal{404, 8, "unsupported resource"};
        path.erase(path.begin(), path.begin() + 2);
        return route(request, path);
    } catch (const Refusal& refusal) {
        return json_response(refusal.status, {{"code", refusal.code}, {"desc", refusal.text}});
    }
}

Response Primera3par::route(const Request& request, const Path& path)
{
    if (path[0] == "credentials" && path.size() == 1 && request.method == "POST")
        return sign_in(request);
    check_session(request);
    if (path[0] == "credentials" && path.size() == 2 && request.method == "DELETE") {
        if (sessions_.erase(path[1]) == 0)
            throw Refusal{403, 6, "invalid session key"};
        return json_response(200, nullptr);
    }
    if (request.method != "GET" && switches_.get<std::string>("role") == "browse")
        throw Refusal{403, 13, "permission denied"};
    if (path[0] == "system" && path.size() == 1 && request.method == "GET")
        return json_response(200, {{"id", 127579},
                                   {"name", "s-array-01"},
                                   {"systemVersion", "4.5.12.0"},
                                   {"model", "HPE_3PAR A670"},
                                   {"serialNumber", "4UW0001234"},
                                   {"totalNodes", 2},
                                   {"masterNode", 0},
                                   {"onlineNodes", {0, 1}},
                                   {"clusterNodes", {0, 1}}});
    if (path[0] == "volumes" && path.size() <= 2)
        return volumes(request, path);
    if (path[0] == "hosts" && path.size() <= 2)
        return hosts(request, path);
    if (path[0] == "hostsets" && path.size() <= 2)
        return host_sets(request, path);
    if (path[0] == "vluns" && path.size() <= 2)
        return vluns(request, path);
    if (path[0] == "tasks" && path.size() <= 2)
        return tasks(request, path);
    throw Refusal{404, 8, "unsupported resource"};
}

Response Primera3par::sign_in(const Request& request)
{
    const auto body = body_of(request, {{"user", "string!"}, {"password", "string!"}, {"sessionType", "number"}});
    if (body["user"] != user_ || body["password"] != password_)
        throw Refusal{403, 5, "invalid username or password"};
    drop_idle_sessions();
    if (sessions_.size() >= switches_.get<std::size_t>("session_limit"))
        throw Refusal{switches_.get<int>("exhausted_status"), 1, "internal server error"};
    const auto key = "0-" + std::to_string(100000 + tokens_.size() * 7919) + "-6f1c9a1e3a2b";
    tokens_.push_back(key);
    sessions_[key] = clock_.now();
    auto made = json_response(201, {{"key", key}});
    made.headers["Location"] = "/api/v1/credentials/" + key;
    return made;
}

void Primera3par::drop_idle_sessions()
{
    std::erase_if(sessions_, [&](const auto& session) { return clock_.now() - session.second > idle_limit; });
}

void Primera3par::check_session(const Request& request)
{
    drop_idle_sessions();
    const auto session = sessions_.find(request.header("x-hp3par-wsapi-sessionkey").value_or(""));
    if (session == sessions_.end())
        throw Refusal{403, 6, "invalid session key"};
    session->second = clock_.now();
    if (const int times = switches_.get<int>("key_in_use"); times > 0) {
        switches_.set({{"key_in_use", times - 1}});
        throw Refusal{409, 0, "session key is being used"};
    }
}

// Fields and their types, "!" where one is required. Unknown ones, wrong types and missing ones are refused.
json Primera3par::body_of(const Request& request, const json& fields) const
{
    if (!request.header("content-type").value_or("").starts_with("application/json"))
        throw Refusal{400, 12, "Content-Type is not application/json"};
    auto body = json::parse(request.body, nullptr, false);
    if (!body.is_object())
        throw Refusal{400, 12, "the body is not a JSON object"};
    for (const auto& [name, value] : body.items()) {
        if (!fields.contains(name))
            throw Refusal{400, 12, "unknown field: " + name};
        auto type = fields[name].get<std::string>();
        std::erase(type, '!');
        if (!has_type(value, type))
            throw Refusal{400, 39, "wrong type: " + name};
        if (value.is_string() && value.get_ref<const std::string&>().empty())
            throw Refusal{400, 45, "empty string: " + name};
    }
    for (const auto& [name, type] : fields.items())
        if (type.get<std::string>().ends_with("!") && !body.contains(name))
            throw Refusal{400, 40, "missing field: " + name};
    return body;
}

// Filtered as the switch says; {"total", "members"}.
Response Primera3par::listed(const Request& request, json members, const std::string& query_switch) const
{
    const auto how = query_switch.empty() ? "rejected" : switches_.get<std::string>(query_switch);
    if (const auto text = request.parameter("query"); text && how != "ignored") {
        const auto query = parse_query(*text);
        if (how == "empty")
            members.clear();
        if (!query || how == "rejected")
            throw Refusal{400, 64, "invalid query string"};
        auto kept = json::array();
        for (auto& member : members)
            if (matches(member, *query))
                kept.push_back(std::move(member));
        members = std::move(kept);
    }
    json body = {{"total", members.size()}, {"members", members}};
    if (switches_.on("broken_list")) {
        if (!body["members"].empty())
            body["members"].erase(body["members"].size() - 1);
        body["success"] = false;
        body["message"] = {{"code", 101}, {"desc", "the list broke off"}};
    }
    return json_response(200, body);
}

json Primera3par::volume_record(const StoredVolume& volume) const
{
    std::string wwn = volume.naa.substr(4);
    std::ranges::transform(wwn, wwn.begin(), [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
    json record = {{"id", std::stoi(volume.id)},
                   {"name", volume.name},
                   {"wwn", wwn},
                   {"uuid", volume.more.at("uuid")},
                   {"sizeMiB", volume.size >> 20},
                   {"provisioningType", 2},
                   {"copyType", is_target(volume.id) ? json(2) : volume.more.at("copyType")},
                   {"baseId", std::stoi(volume.id)},
                   {"readOnly", false},
                   {"state", volume.more.at("state")},
                   {"userCPG", "SSD_r6"},
                   {"snapCPG", "SSD_r6"}};
    return record;
}

Response Primera3par::volumes(const Request& request, const Path& path)
{
    if (path.size() == 1) {
        if (request.method != "GET")
            throw Refusal{405, 8, "unsupported method"};
        // vVols are shown only to who asks for them by WWN or UUID (facts 4).
        const auto text = request.parameter("query");
        const bool filtered = text && switches_.get<std::string>("volume_query") == "filters";
        json all = json::array();
        for (const auto& volume : inventory_.volumes)
            if (filtered || volume.more.at("kind") != "vvol")
                all.push_back(volume_record(volume));
        return listed(request, all, "volume_query");
    }
    auto* volume = inventory_.volume_named(path[1]);
    if (!volume)
        throw Refusal{404, 23, "volume does not exist"};
    if (request.method == "GET")
        return json_response(200, volume_record(*volume));
    if (request.method == "POST") {
        const auto body = body_of(request, {{"action", "string!"}, {"parameters", "object!"}});
        if (body["action"] != "createPhysicalCopy")
            throw Refusal{400, 46, "this simulator knows createPhysicalCopy only"};
        return start_copy(*volume, body["parameters"]);
    }
    if (request.method == "PUT") {
        if (body_of(request, {{"action", "number!"}})["action"] != 1)
            throw Refusal{400, 46, "this simulator knows STOP_PHYSICAL_COPY only"};
        if (switches_.on("stop_refused"))
            throw Refusal{403, 150, "online operation in progress"};
        stop_copy(volume->id);
        return json_response(200, nullptr);
    }
    throw Refusal{405, 8, "unsupported method"};
}

} // namespace lab::primera3par
