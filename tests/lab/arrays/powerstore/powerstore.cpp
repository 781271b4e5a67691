#include "tests/lab/arrays/powerstore/powerstore.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>

namespace lab::powerstore {

using nlohmann::json;

namespace {

constexpr const char* global_id = "PS4ebb8d4e8488";

// 21:00:00:0e:1e:1d:2b:3c; any other spelling of a WWPN is refused.
std::optional<std::string> plain_port(const std::string& name)
{
    if (name.starts_with("iqn.") || name.starts_with("eui."))
        return name;
    std::string plain;
    for (std::size_t i = 0; i < name.size(); ++i) {
        if (i % 3 == 2 ? name[i] != ':'
                       : std::isxdigit(static_cast<unsigned char>(name[i])) == 0 ||
                             std::isupper(static_cast<unsigned char>(name[i])))
            return std::nullopt;
        if (i % 3 != 2)
            plain += name[i];
    }
    return plain.size() == 16 ? std::optional(plain) : std::nullopt;
}

std::string with_colons(const std::string& plain)
{
    if (plain.starts_with("iqn.") || plain.starts_with("eui."))
        return plain;
    std::string name;
    for (std::size_t i = 0; i < plain.size(); ++i)
        name += (i > 0 && i % 2 == 0 ? ":" : "") + plain.substr(i, 1);
    return name;
}

Response refused(const Refusal& refusal)
{
    const json message = {
        {"code", refusal.code}, {"severity", "Error"}, {"message_l10n", refusal.message}, {"arguments", json::array()}};
    return {refusal.status, json{{"messages", {message}}}.dump(), {}};
}

// "field=eq.value"
bool matches(const json& row, const std::string& field, const std::string& condition)
{
    const auto dot = condition.find('.');
    const auto operation = condition.substr(0, dot);
    if (operation != "eq" || dot == std::string::npos)
        throw Refusal{400, "0xE04040020001", "Operator " + operation + " is not supported"};
    if (!row.contains(field))
        throw Refusal{400, "0xE04040020003", "Unknown field " + field};
    const auto value = condition.substr(dot + 1);
    const auto& held = row[field];
    return held.is_string() ? held == value : held.dump() == value;
}

// "(host_id.eq.a,host_group_id.eq.b)"
bool matches_any(const json& row, const std::string& alternatives)
{
    if (alternatives.size() < 2 || alternatives.front() != '(' || alternatives.back() != ')')
        throw Refusal{400, "0xE04040020001", "or takes a list in parentheses"};
    const auto list = alternatives.substr(1, alternatives.size() - 2);
    for (std::size_t at = 0; at <= list.size();) {
        const auto end = std::min(list.find(',', at), list.size());
        const auto one = list.substr(at, end - at);
        if (matches(row, one.substr(0, one.find('.')), one.substr(one.find('.') + 1)))
            return true;
        at = end + 1;
    }
    return false;
}

// Only "id" unless more is asked for.
json selected(const json& row, const std::string& select)
{
    if (select == "*")
        return row;
    json chosen = json::object();
    for (std::size_t at = 0; at <= select.size();) {
        const auto end = std::min(select.find(',', at), select.size());
        const auto field = select.substr(at, end - at);
        if (!row.contains(field))
            throw Refusal{400, "0xE04040020003", "Unknown field " + field};
        chosen[field] = row[field];
        at = end + 1;
    }
    return chosen;
}

} // namespace

PowerStore::PowerStore(const ModelConfig& config)
    : StockedModel(config,
                   {{"idle_seconds", 3600, "2: how long a session lives unused"},
                    {"expired_status", 401, "2: independent clients saw one or the other", {403}},
                    {"token_rotates", false, "2: any reply may carry a newer token", {true}},
                    {"attached_status", 422, "6: attaching what is attached", {400}},
                    {"not_attached",
                     "422 0xE0A08001000F",
                     "6: detaching what is not attached",
                     {"400 0xE0A01001001E", "400 0xE0A010010020"}},
                    {"taken_status", 422, "6: a LUN number in use", {400}},
                    {"missing_status", 404, "6: an unknown host", {400}},
                    {"largest_page", 2000, "8: fewer rows than asked for may come", {1}},
                    {"range_prefix", "", "8: Content-Range with a unit before it", {"items "}},
                    {"wwn_case", "lower", "4: the case of wwn", {"upper"}},
                    {"must_change_password", false, "2: the account must change its password"}},
                   {"DellEMC", "PowerStore"}),
      sessions_(config.clock)
{}

Response PowerStore::answer(const Request& request)
{
    auto path = path_segments(request.path);
    if (path.size() < 3 || path[0] != "api" || path[1] != "rest")
        return {404, "<html>not found</html>", {{"Content-Type", "text/html"}}};
    path.erase(path.begin(), path.begin() + 2);
    try {
        if (path[0] == "login_session" && request.method == "GET") {
            const auto login = basic_login(request);
            if (!login || login->user != user_ || login->password != password_)
                throw Refusal{401, "0xE09040030001", "Invalid login credentials"};
            const json session = {{"id", "s1"},
                                  {"user", user_},
                                  {"idle_timeout", 3600},
                                  {"is_password_change_required", switches_.on("must_change_password")}};
            auto response = collection(request, json::array({session}));
            response.headers.merge(sessions_.open());
            return response;
        }
        const bool write = request.method != "GET";
        if (const int status = sessions_.judge(request, write, switches_.get<int>("idle_seconds"),
                                               switches_.get<int>("expired_status")))
            throw Refusal{status, status == 401 ? "0xE09040030002" : "0xE09040030003",
                          "The session or its token is not valid"};
        if (path[0] == "logout" && request.method == "POST") {
            sessions_.close(request);
            return {204, "", {}};
        }
        auto response = dispatch(request, path);
        if (switches_.on("token_rotates"))
            response.headers["DELL-EMC-TOKEN"] = sessions_.newer_token(request);
        return response;
    } catch (const Refusal& refusal) {
        return refused(refusal);
    } catch (const json::exception&) {
        return refused({400, "0xE04040010006", "[Path '/'] Instance type does not match any allowed primitive type"});
    }
}

Response PowerStore::dispatch(const Request& request, const Path& path)
{
    const auto body = request.body.empty() ? json::object() : json::parse(request.body);
    const auto is = [&](const char* method, const char* resource, std::size_t length) {
        return request.method == method && path[0] == resource && path.size() == length;
    };
    if (is("GET", "cluster", 1))
        return collection(request, {{{"id", "0"},
                                     {"global_id", global_id},
                                     {"name", "pstore-lab"},
                                     {"management_address", "10.0.0.7"},
                                     {"state", "Configured"}}});
    if (is("GET", "software_installed", 1))
        return collection(request, {{{"id", "1"}, {"release_version", "4.0.0.0"}, {"is_cluster", true}},
                                    {{"id", "2"}, {"release_version", "4.0.0.0"}, {"is_cluster", false}}});
    if (is("GET", "appliance", 1))
        return collection(
            request,
            {{{"id", "A1"}, {"name", "appliance-1"}, {"model", "PowerStore 1200T"}, {"service_tag", "ABC1234"}}});
    if (is("GET", "volume", 1)) {
        json rows = json::array();
        for (const auto& volume : inventory_.volumes)
            rows.push_back(volume_row(volume));
        return collection(request, rows);
    }
    if (is("GET", "volume", 2))
        return one(request, volume_row(volume_by(path[1])));
    if (is("POST", "volume", 3) && path[2] == "attach")
        return attach(path[1], body);
    if (is("POST", "volume", 3) && path[2] == "detach")
        return detach(path[1], body);
    if (is("GET", "host", 1)) {
        json rows = json::array();
        for (const auto& host : inventory_.hosts)
            rows.push_back(host_row(host));
        return collection(request, rows);
    }
    if (is("GET", "host", 2))
        return one(request, host_row(host_by(path[1])));
    if (is("POST", "host", 1))
        return create_host(body);
    if (is("PATCH", "host", 2))
        return modify_host(path[1], body);
    if (is("GET", "host_volume_mapping", 1)) {
        json rows = json::array();
        for (const auto& map : inventory_.maps)
            rows.push_back(mapping_row(map));
        return collection(request, rows);
    }
    throw Refusal{404, "0xE04040010001", "The resource does not exist"};
}

Response PowerStore::one(const Request& request, const json& row) const
{
    return {200, selected(row, request.parameter("select").value_or("id")).dump(), {}};
}

Response PowerStore::collection(const Request& request, const json& rows) const
{
    json found = json::array();
    for (const auto& row : rows) {
        bool wanted = true;
        for (const auto& [field, condition] : request.query)
            if (field == "or")
                wanted = wanted && matches_any(row, condition);
            else if (field != "select" && field != "limit" && field != "offset" && field != "order")
                wanted = wanted && matches(row, field, condition);
        if (wanted)
            found.push_back(row);
    }
    const auto limit = std::min<std::size_t>(std::stoul(request.parameter("limit").value_or("100")),
                                             switches_.get<std::size_t>("largest_page"));
    const auto offset = std::stoul(request.parameter("offset").value_or("0"));
    if (offset > 0 && offset >= found.size())
        return refused({416, "0xE04040010005", "The offset is beyond the end"});
    json shown = json::array();
    for (std::size_t i = offset; i < std::min(found.size(), offset + limit); ++i)
        shown.push_back(selected(found[i], request.parameter("select").value_or("id")));
    if (offset == 0 && shown.size() == found.size())
        return {200, shown.dump(), {}};
    const auto range = fmt::format("{}{}-{}/{}", switches_.get<std::string>("range_prefix"), offset,
                                   offset + shown.size() - 1, found.size());
    return {206, shown.dump(), {{"Content-Range", range}}};
}

Response PowerStore::attach(const std::string& volume, const json& body)
{
    volume_by(volume);
    const auto host = body.value("host_id", "");
    const auto group = body.value("host_group_id", "");
    if (host.empty() == group.empty())
        throw Refusal{500, "0xE0A080010052", "Volume internal error"};
    if (!group.empty())
        need_group(group);
    else if (!host_by(host).group.empty())
        throw Refusal{422, "0xE0A010010030", "The host is a member of a host group"};
    std::optional<int> number;
    if (body.contains("logical_unit_number")) {
        if (!body["logical_unit_number"].is_number_integer())
            throw Refusal{
                400, "0xE04040010006",
                "[Path '/logical_unit_number'] Instance type (string) does not match any allowed primitive type"};
        number = body["logical_unit_number"].get<int>();
    }
    map(volume, host, group, number);
    return {204, "", {}};
}

StoredMap& PowerStore::map(const std::string& volume, const std::string& host, const std::string& group,
                           std::optional<int> number)
{
    for (const auto& map : inventory_.maps)
        if (map.volume == volume && map.host == host && map.group == group)
            throw Refusal{switches_.get<int>("attached_status"), "0xE0A080010099", "The volume is already attached"};
    const auto used = inventory_.numbers_used_by(host, group);
    if (number && (*number < 0 || *number > 16383 || used.contains(*number)))
        throw Refusal{switches_.get<int>("taken_status"), "0xE0A080010098", "The requested number cannot be used"};
    inventory_.maps.push_back({.id = new_id(),
                               .volume = volume,
                               .host = host,
                               .group = group,
                               .number = number ? *number : automatic_number_++});
    inventory_.publish();
    return inventory_.maps.back();
}

Response PowerStore::detach(const std::string& volume, const json& body)
{
    volume_by(volume);
    const auto host = body.value("host_id", "");
    const auto group = body.value("host_group_id", "");
    if (!host.empty())
        host_by(host);
    const auto gone = std::erase_if(inventory_.maps, [&](const StoredMap& map) {
        return map.volume == volume && map.host == host && map.group == group;
    });
    if (gone == 0) {
        const auto how = switches_.get<std::string>("not_attached");
        throw Refusal{std::stoi(how), how.substr(4), "Could not find any host volume mappings"};
    }
    inventory_.publish();
    return {204, "", {}};
}

Response PowerStore::create_host(const json& body)
{
    const auto name = body.at("name").get<std::string>();
    if (inventory_.host_named(name))
        throw Refusal{422, "0xE0A010010010", "A host with this name exists"};
    if (!body.contains("os_type") || body.at("initiators").empty())
        throw Refusal{400, "0xE04040010007", "name, os_type and initiators are required"};
    StoredHost host{.id = new_id(), .name = name, .initiators = {}, .group = {}};
    add_initiators(host, body["initiators"]);
    inventory_.hosts.push_back(host);
    inventory_.publish();
    return {201, json{{"id", host.id}}.dump(), {}};
}

Response PowerStore::modify_host(const std::string& id, const json& body)
{
    auto& host = host_by(id);
    if (body.size() != 1 || !body.contains("add_initiators"))
        throw Refusal{400, "0xE04040010007", "exactly one of the modifications"};
    add_initiators(host, body["add_initiators"]);
    inventory_.publish();
    return {204, "", {}};
}

void PowerStore::add_initiators(StoredHost& host, const json& initiators)
{
    std::vector<std::string> names;
    for (const auto& one : initiators) {
        const auto plain = plain_port(one.at("port_name"));
        if (!plain || (one.at("port_type") != "FC" && one.at("port_type") != "iSCSI"))
            throw Refusal{400, "0xE0A01001002F", "The format of the port name " + host.name + " is incorrect"};
        if (inventory_.owner_of(*plain))
            throw Refusal{422, "0xE0A01001000C", "The initiator is already registered with another host"};
        names.push_back(*plain);
    }
    host.initiators.insert(host.initiators.end(), names.begin(), names.end());
}

json PowerStore::volume_row(const StoredVolume& volume) const
{
    auto wwn = volume.naa;
    if (switches_.get<std::string>("wwn_case") == "upper")
        std::ranges::transform(wwn.begin() + 4, wwn.end(), wwn.begin() + 4,
                               [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
    return {{"id", volume.id},
            {"name", volume.name},
            {"size", volume.size},
            {"wwn", wwn},
            {"nguid", nullptr},
            {"type", volume.more.value("type", "Primary")},
            {"state", volume.more.value("state", "Ready")},
            {"appliance_id", "A1"},
            {"is_replication_destination", volume.more.value("is_replication_destination", false)}};
}

json PowerStore::host_row(const StoredHost& host) const
{
    json initiators = json::array();
    for (const auto& one : host.initiators)
        initiators.push_back({{"port_name", with_colons(one)},
                              {"port_type", one.starts_with("iqn.") ? "iSCSI" : "FC"},
                              {"active_sessions", json::array()}});
    json row = {{"id", host.id},
                {"name", host.name},
                {"os_type", "ESXi"},
                {"type", "External"},
                {"host_initiators", initiators}};
    row["host_group_id"] = host.group.empty() ? json() : json(host.group);
    return row;
}

json PowerStore::mapping_row(const StoredMap& map) const
{
    json row = {{"id", map.id}, {"volume_id", map.volume}, {"logical_unit_number", map.number}};
    row["host_id"] = map.host.empty() ? json() : json(map.host);
    row["host_group_id"] = map.group.empty() ? json() : json(map.group);
    return row;
}

StoredVolume& PowerStore::volume_by(const std::string& id)
{
    if (auto* volume = inventory_.volume(id))
        return *volume;
    throw Refusal{404, "0xE0A08001000E", "Could not find the volume with ID: " + id};
}

StoredHost& PowerStore::host_by(const std::string& id)
{
    if (auto* host = inventory_.host(id))
        return *host;
    throw Refusal{switches_.get<int>("missing_status"), "0xE0A010010003", "Could not find the host"};
}

void PowerStore::need_group(const std::string& id)
{
    if (!inventory_.group(id))
        throw Refusal{switches_.get<int>("missing_status"), "0xE0A030010001", "Could not find the host group"};
}

std::string PowerStore::new_id()
{
    return fmt::format("9f840c56-96e6-4de9-b5a3-{:012x}", ++uuids_);
}

} // namespace lab::powerstore
