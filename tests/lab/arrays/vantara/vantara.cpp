#include "tests/lab/arrays/vantara/vantara.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>

namespace lab::vantara {

using nlohmann::json;

namespace {

constexpr const char* storage_id = "886000430078";
constexpr const char* const port_names[] = {"CL1-A", "CL2-A"};
constexpr int most_sessions = 64;
constexpr auto copy_takes = std::chrono::seconds(3);

std::string upper(std::string text)
{
    std::ranges::transform(text, text.begin(), [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
    return text;
}

bool is_iscsi(const std::string& initiator)
{
    return initiator.starts_with("iqn.") || initiator.starts_with("eui.");
}

json error_object(const Refusal& refusal)
{
    json error = {{"errorSource", "/ConfigurationManager/v1/objects"},
                  {"messageId", refusal.message_id},
                  {"message", refusal.message.empty() ? "It was refused." : refusal.message},
                  {"cause", ""},
                  {"solution", ""},
                  {"detailCode", "30000E-2"}};
    if (!refusal.ssb1.empty())
        error["errorCode"] = {{"SSB1", refusal.ssb1}, {"SSB2", refusal.ssb2}};
    return error;
}

// An LDEV may be sent as a number or, as Forklift does, as text.
std::string ldev_in(const json& body, const char* key)
{
    const auto& value = body.at(key);
    return value.is_string() ? value.get<std::string>() : std::to_string(value.get<int>());
}

} // namespace

Vantara::Vantara(const ModelConfig& config)
    : StockedModel(config,
                   {{"idle_seconds", 300, "2: how long a session lives unused"},
                    {"waits_for_jobs", false, "8: Response-Job-Status may be honoured", {true}},
                    {"wwn_case", "lower", "5: the case of WWNs", {"upper"}},
                    {"absent_as", "404", "6: a path that is not there", {"job", "EX_ENOOBJ"}},
                    {"hostgroup_list", false, "1: groups are given or found by login", {true}},
                    {"lock", "", "6: the first change of all is refused for a lock", {"2E11/2207", "KART40051-E"}},
                    {"stale_reads", 0, "8: reads may be old right after a change"},
                    {"options", "54 63", "5: host mode options of every group"},
                    {"label", true, "4: whether an LDEV has a label", {false}},
                    {"naa_case", "lower", "4: the case of naaId", {"upper"}},
                    {"copy_fails", false, "a clone stops halfway"}},
                   {"HITACHI", "OPEN-V"})
{}

Response Vantara::answer(const Request& request)
{
    let_pairs_go_on();
    auto path = path_segments(request.path);
    if (request.path == "/ConfigurationManager/configuration/version")
        return {200, R"({"productName":"Configuration Manager REST API","apiVersion":"1.45.0"})", {}};
    if (path.size() < 4 || path[0] != "ConfigurationManager" || path[1] != "v1" || path[2] != "objects")
        return {404, "<html>404</html>", {{"Content-Type", "text/html"}}};
    path.erase(path.begin(), path.begin() + 3);
    if (path.size() > 2 && path[0] == "storages" && path[1] == storage_id) // the form of a separate server
        path.erase(path.begin(), path.begin() + 2);
    try {
        if (path[0] == "sessions" && request.method == "POST")
            return sign_in(request);
        if (!is_signed_in(request))
            return {401, error_object({401, "KART40047-E", "", "", "The session token is invalid."}).dump(), {}};
        return dispatch(request, path);
    } catch (const Refusal& refusal) {
        return {refusal.status, error_object(refusal).dump(), {}};
    } catch (const json::exception& wrong) {
        return {400, error_object({400, "KART40038-E", "", "", wrong.what()}).dump(), {}};
    }
}

Response Vantara::sign_in(const Request& request)
{
    const auto login = basic_login(request);
    if (!login || login->user != user_ || login->password != password_)
        return {401, error_object({401, "KART30005-E", "", "", "User authentication failed."}).dump(), {}};
    if (sessions_.size() >= most_sessions)
        return {503, error_object({503, "KART00003-E", "", "", "The number of sessions is at its limit."}).dump(), {}};
    const auto token = fmt::format("b74777a3-f9f0-4ea8-bd8f-{:012x}", ++opened_);
    tokens_.push_back(token);
    sessions_[token] = {opened_, clock_.now()};
    return {200, json{{"token", token}, {"sessionId", opened_}}.dump(), {}};
}

bool Vantara::is_signed_in(const Request& request)
{
    const auto header = request.header("authorization").value_or("");
    const auto session = sessions_.find(header.starts_with("Session ") ? header.substr(8) : "");
    if (session == sessions_.end())
        return false;
    if (clock_.now() - session->second.second > std::chrono::seconds(switches_.get<int>("idle_seconds"))) {
        sessions_.erase(session);
        return false;
    }
    session->second.second = clock_.now();
    return true;
}

Response Vantara::dispatch(const Request& request, const Path& path)
{
    const auto is = [&](const char* method, const char* what, std::size_t length) {
        return request.method == method && path[0] == what && path.size() == length;
    };
    const auto data = [](const json& list) { return Response{200, json{{"data", list}}.dump(), {}}; };
    if (is("DELETE", "sessions", 2)) {
        const auto gone =
            std::erase_if(sessions_, [&](const auto& one) { return std::to_string(one.second.first) == path[1]; });
        return gone > 0 ? Response{200, "", {}} : throw Refusal{404, "KART30013-E", "", ""};
    }
    const json storage = {{"storageDeviceId", storage_id},
                          {"model", "VSP G350"},
                          {"serialNumber", 430078},
                          {"dkcMicroVersion", "88-08-10/00"},
                          {"isSecure", true}};
    if (is("GET", "storages", 1))
        return data(json::array({storage}));
    if (is("GET", "storages", 2))
        return path[1] == storage_id ? Response{200, storage.dump(), {}} : throw Refusal{404, "KART30013-E", "", ""};
    if (is("GET", "ldevs", 2)) {
        if (path[1].size() > 5 || std::stoi(path[1]) > 65535)
            throw Refusal{400, "KART40044-E", "", ""};
        return {200, ldev_object(path[1]).dump(), {}};
    }
    if (is("GET", "ports", 1))
        return data(ports(request.parameter("detailInfoType") == "logins"));
    if (is("GET", "host-groups", 1)) {
        json options = json::array();
        for (const std::string word : {"54", "63", "114"})
            if ((" " + switches_.get<std::string>("options") + " ").find(" " + word + " ") != std::string::npos)
                options.push_back(std::stoi(word));
        json groups = json::array();
        for (const auto& group : inventory_.hosts)
            groups.push_back({{"hostGroupId", group.id},
                              {"portId", group.more["port"]},
                              {"hostGroupNumber", group.more["number"]},
                              {"hostGroupName", group.name},
                              {"hostMode", "VMWARE_EX"},
                              {"hostModeOptions", options}});
        return data(groups);
    }
    if (is("GET", "host-wwns", 1) || is("GET", "host-iscsis", 1))
        return data(members(request, path[0] == "host-wwns"));
    if (is("GET", "luns", 1))
        return data(paths(request));
    if (is("GET", "snapshots", 1))
        return data(pairs(request));
    if (is("GET", "jobs", 2)) {
        for (auto& job : jobs_)
            if (std::to_string(job.id) == path[1])
                return {200, job_object(job, false).dump(), {}};
        throw Refusal{404, "KART30013-E", "", ""};
    }
    const auto body = request.body.empty() ? json::object() : json::parse(request.body);
    if (is("POST", "luns", 1))
        return run_job([&] { return make_path(body); });
    if (is("DELETE", "luns", 2))
        return run_job([&] { return remove_path(path[1]); });
    if (is("POST", "snapshots", 1))
        return run_job([&] { return make_pair(body); });
    if (is("DELETE", "snapshots", 2))
        return run_job([&] { return remove_pair(path[1]); });
    throw Refusal{404, "KART40009-E", "", ""};
}

// Everything that changes is a job, whose failure shows when it is over. A Refusal of status 400 or 404 comes at once.
Response Vantara::run_job(const std::function<std::vector<std::string>()>& work)
{
    Job job{.id = static_cast<int>(jobs_.size()) + 7, .looks = 0, .failure = {}, .affected = {}};
    const auto lock = switches_.get<std::string>("lock");
    try {
        if (!lock.empty() && locks_seen_++ == 0) {
            const auto slash = lock.find('/');
            throw slash == std::string::npos
                ? Refusal{202, lock, "", ""}
                : Refusal{202, "KART30000-E", lock.substr(0, slash), lock.substr(slash + 1)};
        }
        job.affected = work();
    } catch (const Refusal& refusal) {
        if (refusal.status != 202)
            throw;
        job.failure = refusal;
    }
    jobs_.push_back(job);
    return {202, job_object(jobs_.back(), switches_.on("waits_for_jobs")).dump(), {}};
}

json Vantara::job_object(Job& job, bool waited)
{
    const int look = waited ? 9 : job.looks++;
    json object = {{"jobId", job.id},
                   {"self", fmt::format("/ConfigurationManager/v1/objects/jobs/{}", job.id)},
                   {"userId", user_}};
    object["status"] = look == 0 ? "Initializing" : look == 1 ? "Running" : "Completed";
    object["state"] = look == 0 ? "Queued" : look == 1 ? "Started" : job.failure ? "Failed" : "Succeeded";
    object["affectedResources"] = look > 1 && !job.failure ? json(job.affected) : json::array();
    if (look > 1 && job.failure)
        object["error"] = error_object(*job.failure);
    return object;
}

json Vantara::ports(bool logins) const
{
    json all = json::array();
    for (const char* port : port_names) {
        json one = {{"portId", port}, {"portType", "FIBRE"}, {"portAttributes", {"TAR"}}, {"wwn", "50060e8008757e00"}};
        if (logins) {
            one["logins"] = json::array();
            for (const auto& group : inventory_.hosts)
                for (const auto& initiator : group.initiators)
                    if (group.more["port"] == port) {
                        json login = {{"isLoggedIn", true}, {"hostGroupId", group.id}};
                        login[is_iscsi(initiator) ? "loginIscsiName" : "loginWwn"] =
                            switches_.get<std::string>("wwn_case") == "upper" && !is_iscsi(initiator) ? upper(initiator)
                                                                                                      : initiator;
                        one["logins"].push_back(login);
                    }
        }
        all.push_back(one);
    }
    return all;
}

json Vantara::members(const Request& request, bool fc)
{
    const auto& group = group_by(request.parameter("portId").value_or(""),
                                 std::stoi("0" + request.parameter("hostGroupNumber").value_or("")));
    json all = json::array();
    for (const auto& initiator : group.initiators)
        if (is_iscsi(initiator) != fc)
            all.push_back({{"portId", group.more["port"]},
                           {"hostGroupNumber", group.more["number"]},
                           {"hostGroupName", group.name},
                           {fc ? "hostWwn" : "iscsiName",
                            fc && switches_.get<std::string>("wwn_case") == "upper" ? upper(initiator) : initiator}});
    return all;
}

json Vantara::paths(const Request& request)
{
    const auto& group = group_by(request.parameter("portId").value_or(""),
                                 std::stoi("0" + request.parameter("hostGroupNumber").value_or("")));
    json all = json::array();
    for (const auto& map : inventory_.maps)
        if (map.host == group.id)
            all.push_back({{"lunId", fmt::format("{},{}", group.id, map.number)},
                           {"portId", group.more["port"]},
                           {"hostGroupNumber", group.more["number"]},
                           {"lun", map.number},
                           {"ldevId", std::stoi(map.volume)}});
    return all;
}

std::vector<std::string> Vantara::make_path(const json& body)
{
    std::optional<int> lun;
    if (body.contains("lun"))
        lun = body["lun"].get<int>();
    const auto& number = body.at("hostGroupNumber");
    const auto& group =
        group_by(body.at("portId"), number.is_string() ? std::stoi(number.get<std::string>()) : number.get<int>());
    const auto& made = map(volume_by(ldev_in(body, "ldevId")).id, group.id, lun);
    return {fmt::format("/ConfigurationManager/v1/objects/luns/{},{}", group.id, made.number)};
}

StoredMap& Vantara::map(const std::string& ldev, const std::string& group, std::optional<int> lun)
{
    std::set<int> used;
    for (const auto& one : inventory_.maps) {
        if (one.host == group && one.volume == ldev)
            throw Refusal{202, "KART30000-E", "B958", "015A"};
        if (one.host == group)
            used.insert(one.number);
    }
    if (lun && used.contains(*lun))
        throw Refusal{202, "KART30000-E", "B958", "0947"};
    int number = lun.value_or(0);
    while (!lun && used.contains(number))
        ++number;
    inventory_.maps.push_back({.id = group + ldev, .volume = ldev, .host = group, .number = number});
    inventory_.publish();
    return inventory_.maps.back();
}

std::vector<std::string> Vantara::remove_path(const std::string& id) // "CL1-A,1,5"
{
    const auto gone = std::erase_if(
        inventory_.maps, [&](const StoredMap& one) { return fmt::format("{},{}", one.host, one.number) == id; });
    const auto how = switches_.get<std::string>("absent_as");
    if (gone == 0)
        throw how == "404" ? Refusal{404, "KART30013-E", "", ""}
        : how == "job"     ? Refusal{202, "KART30013-E", "", ""}
                           : Refusal{202, "KART30000-E", "", "", "The command ended abnormally. (EX_ENOOBJ)"};
    inventory_.publish();
    return {"/ConfigurationManager/v1/objects/luns/" + id};
}

std::vector<std::string> Vantara::make_pair(const json& body)
{
    const auto& source = volume_by(ldev_in(body, "pvolLdevId"));
    const auto& target = volume_by(ldev_in(body, "svolLdevId"));
    const auto group = body.at("snapshotGroupName").get<std::string>();
    if (group.empty() || group.size() > 32 || !body.value("isClone", false) || !body.value("clonesAutomation", false))
        throw Refusal{400, "KART40038-E", "", ""};
    if (source.size != target.size)
        throw Refusal{202, "KART30000-E", "2E10", "9705"};
    for (const auto& pair : pairs_)
        if (pair.target == target.id)
            throw Refusal{202, "KART30000-E", "2E10", "9706"};
    pairs_.push_back({group, source.id, target.id, 3, clock_.now(), ByteCopy(source.file, target.file, source.size)});
    return {fmt::format("/ConfigurationManager/v1/objects/snapshots/{},3", source.id)};
}

std::vector<std::string> Vantara::remove_pair(const std::string& id)
{
    const auto gone =
        std::erase_if(pairs_, [&](const Pair& pair) { return fmt::format("{},{}", pair.source, pair.mu) == id; });
    if (gone == 0)
        throw Refusal{404, "KART30013-E", "", ""};
    return {};
}

// PAIR, then PSUP with growing progress, then SMPP, then gone by itself.
void Vantara::let_pairs_go_on()
{
    for (auto& pair : pairs_) {
        const auto age = clock_.now() - pair.begun;
        const auto percent = static_cast<int>(std::min<std::int64_t>(100, 100 * age / copy_takes));
        if (switches_.on("copy_fails") && percent >= 50)
            pair.failed = true;
        if (!pair.failed)
            pair.bytes.bring_to(percent);
        else
            pair.bytes.bring_to(50);
    }
    std::erase_if(pairs_, [&](const Pair& pair) {
        return !pair.failed && clock_.now() - pair.begun > copy_takes + std::chrono::seconds(1);
    });
}

json Vantara::pairs(const Request& request)
{
    json all = json::array();
    for (const auto& pair : pairs_) {
        if (request.parameter("snapshotGroupName").value_or(pair.group) != pair.group ||
            request.parameter("pvolLdevId").value_or(pair.source) != pair.source)
            continue;
        const int percent = pair.bytes.percent();
        all.push_back({{"snapshotId", fmt::format("{},{}", pair.source, pair.mu)},
                       {"snapshotGroupName", pair.group},
                       {"primaryOrSecondary", "P-VOL"},
                       {"pvolLdevId", std::stoi(pair.source)},
                       {"svolLdevId", std::stoi(pair.target)},
                       {"muNumber", pair.mu},
                       {"isClone", true},
                       {"concordanceRate", percent},
                       {"progressRate", percent},
                       {"status", pair.failed     ? "PSUE"
                                  : percent == 0  ? "PAIR"
                                  : percent < 100 ? "PSUP"
                                                  : "SMPP"}});
    }
    return all;
}

json Vantara::ldev_object(const std::string& id) const
{
    const auto volume = std::ranges::find(inventory_.volumes, id, &StoredVolume::id);
    if (volume == inventory_.volumes.end())
        return {{"ldevId", std::stoi(id)}, {"emulationType", "NOT DEFINED"}};
    auto naa = volume->naa.substr(4);
    if (switches_.get<std::string>("naa_case") == "upper")
        naa = upper(naa);
    json object = {{"ldevId", std::stoi(id)},
                   {"emulationType", "OPEN-V-CVS"},
                   {"blockCapacity", volume->size / 512},
                   {"attributes", volume->more.value("attributes", json{"CVS", "HDP"})},
                   {"status", volume->more.value("status", "NML")},
                   {"poolId", 5},
                   {"dataReductionMode", "disabled"},
                   {"naaId", naa}};
    if (switches_.on("label"))
        object["label"] = volume->name;
    json paths = json::array();
    for (const auto& map : inventory_.maps)
        for (const auto& group : inventory_.hosts)
            if (map.volume == id && map.host == group.id)
                paths.push_back({{"portId", group.more["port"]},
                                 {"hostGroupNumber", group.more["number"]},
                                 {"hostGroupName", group.name},
                                 {"lun", map.number}});
    if (!paths.empty())
        object["ports"] = paths;
    return object;
}

StoredHost& Vantara::group_by(const std::string& port, int number)
{
    if (auto* group = inventory_.host(fmt::format("{},{}", port, number)))
        return *group;
    throw Refusal{404, "KART30013-E", "", ""};
}

StoredVolume& Vantara::volume_by(const std::string& ldev)
{
    if (auto* volume = inventory_.volume(ldev))
        return *volume;
    throw Refusal{202, "KART30000-E", "2E22", "0001"};
}

} // namespace lab::vantara
