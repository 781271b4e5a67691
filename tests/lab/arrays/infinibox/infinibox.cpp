#include "tests/lab/arrays/infinibox/infinibox.hpp"

#include <algorithm>
#include <cctype>

namespace lab::infinibox {

using nlohmann::json;

namespace {

std::string envelope(const json& result, const json& error, json metadata = {{"ready", true}})
{
    metadata["ready"] = true;
    return json{{"result", result}, {"metadata", metadata}, {"error", error}}.dump();
}

bool is_number(const std::string& text)
{
    return !text.empty() && std::ranges::all_of(text, [](unsigned char c) { return std::isdigit(c) != 0; });
}

// Both spellings of the prefix, and the double slashes that clients build.
std::optional<std::vector<std::string>> below_rest(const std::string& path)
{
    auto parts = path_segments(path);
    std::erase(parts, "");
    if (parts.size() < 2 || parts[0] != "api" || parts[1] != "rest")
        return std::nullopt;
    parts.erase(parts.begin(), parts.begin() + 2);
    return parts;
}

std::string normal(std::string address)
{
    if (!address.starts_with("iqn.") && !address.starts_with("eui."))
        std::erase_if(address, [](char c) { return c == ':' || c == '-'; });
    std::ranges::transform(address, address.begin(),
                           [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    return address;
}

} // namespace

InfiniBox::InfiniBox(const ModelConfig& config)
    : StockedModel(config,
                   {{"taken_code",
                     "LUN_ALREADY_IN_USE",
                     "6: the code of a LUN number in use is published nowhere",
                     {"LUN_IN_USE", "LUN_ALREADY_EXISTS", "VALIDATION_FAILED"}},
                    {"taken_status", 409, "6: statuses are inferred", {400}},
                    {"not_found_status", 404, "6: statuses are inferred", {200}},
                    {"exists_status", 409, "6: statuses are inferred", {400, 200}},
                    {"address_case", "lower", "5: the case of WWPNs", {"upper", "colons"}},
                    {"largest_page", 1000, "8: pages may be smaller than asked for", {2}},
                    {"cluster_rows_name_hosts", true, "6: whether a cluster's rows name its hosts", {false}},
                    {"null_numbers", false, "8: some numbers may be null", {true}},
                    {"approval", true, "6: the approval gate"}},
                   {"NFINIDAT", "InfiniBox"})
{}

Response InfiniBox::answer(const Request& request)
{
    const auto login = basic_login(request);
    if (!login || login->user != user_ || login->password != password_)
        return {
            401, envelope(nullptr, {{"code", "UNAUTHORIZED"}, {"message", "The user name or password is wrong"}}), {}};
    const auto path = below_rest(request.path);
    if (!path || path->empty())
        return {404, "<html>404</html>", {{"Content-Type", "text/html"}}};
    try {
        const auto result = dispatch(request, *path);
        return result.is_array() && request.method == "GET" ? page(request, result)
                                                            : Response{200, envelope(result, nullptr), {}};
    } catch (const Refusal& refusal) {
        const json error = {{"code", refusal.code}, {"message", refusal.message}, {"reasons", json::array()},
                            {"severity", "ERROR"},  {"is_remote", false},         {"data", nullptr}};
        return {refusal.status, envelope(nullptr, error), {}};
    } catch (const json::exception& wrong) {
        return {400, envelope(nullptr, {{"code", "BAD_REQUEST"}, {"message", wrong.what()}}), {}};
    }
}

json InfiniBox::dispatch(const Request& request, const Path& path)
{
    const auto body = request.body.empty() ? json() : json::parse(request.body);
    const auto is = [&](const char* method, std::size_t length, const char* last = nullptr) {
        return request.method == method && path.size() == length && (last == nullptr || path[length - 1] == last);
    };
    if (path[0] == "system" && is("GET", 1))
        return {{"name", "ibox1"},
                {"serial_number", 3005},
                {"model", "F6260"},
                {"full_model", "InfiniBox F6260"},
                {"version", "7.3.10.0"},
                {"operational_state", {{"state", "ACTIVE"}, {"mode", "ACTIVE"}, {"read_only_system", false}}}};
    if (path[0] == "volumes" && is("GET", 2))
        return volume_row(volume_by(path[1]));
    if (path[0] == "volumes" && is("GET", 3, "luns"))
        return luns_of_volume(path[1]);
    if (path[0] == "volumes" && is("GET", 1)) {
        json rows = json::array();
        for (const auto& volume : inventory_.volumes)
            if (const auto name = request.parameter("name");
                !name || *name == volume.name || *name == "eq:" + volume.name)
                rows.push_back(volume_row(volume));
        return rows;
    }
    if (path[0] == "hosts" && is("GET", 1))
        return list_hosts();
    if (path[0] == "hosts" && is("POST", 1))
        return create_host(body);
    if (path[0] == "hosts" && is("GET", 3) && path[1] == "host_id_by_initiator_address")
        return host_of_address(path[2]);
    if (path[0] == "hosts" && is("GET", 2))
        return host_row(host_by(path[1]));
    if (path[0] == "hosts" && is("POST", 3, "ports")) {
        need_approval(request);
        return add_port(path[1], body);
    }
    const bool cluster = path[0] == "clusters";
    if (cluster || path[0] == "hosts") {
        if (is("GET", 3, "luns"))
            return luns_of_holder(path[1], cluster);
        if (is("POST", 3, "luns")) {
            need_approval(request);
            return map(path[1], cluster, body);
        }
        if (is("DELETE", 5) && path[2] == "luns" && path[3] == "volume_id") {
            need_approval(request);
            return unmap(path[1], cluster, path[4]);
        }
    }
    throw Refusal{404, "NOT_FOUND", "There is no such resource"};
}

void InfiniBox::need_approval(const Request& request) const
{
    if (switches_.on("approval") && request.parameter("approved") != "true")
        throw Refusal{403, "APPROVAL_REQUIRED", "This operation requires approval"};
}

Response InfiniBox::page(const Request& request, const json& rows) const
{
    const auto number = [&](const char* name, int otherwise) {
        const auto text = request.parameter(name);
        return text && is_number(*text) ? std::stoi(*text) : otherwise;
    };
    const int size = std::clamp(number("page_size", 50), 1, switches_.get<int>("largest_page"));
    const int at = number("page", 1);
    const int total = static_cast<int>(rows.size());
    json shown = json::array();
    for (int i = (at - 1) * size; i < std::min(at * size, total); ++i)
        shown.push_back(rows[static_cast<std::size_t>(i)]);
    const json metadata = {{"number_of_objects", total},
                           {"page_size", size},
                           {"page", at},
                           {"pages_total", std::max(1, (total + size - 1) / size)}};
    return {200, envelope(shown, nullptr, metadata), {{"X-INFINIDAT-VERSION", "7.3.10.0"}}};
}

StoredVolume& InfiniBox::volume_by(const std::string& id)
{
    if (auto* volume = inventory_.volume(id))
        return *volume;
    throw Refusal{switches_.get<int>("not_found_status"), "VOLUME_NOT_FOUND", "Volume " + id + " not found"};
}

StoredHost& InfiniBox::host_by(const std::string& id)
{
    if (auto* host = inventory_.host(id))
        return *host;
    throw Refusal{switches_.get<int>("not_found_status"), "HOST_NOT_FOUND", "Host " + id + " not found"};
}

json InfiniBox::list_hosts() const
{
    json rows = json::array();
    for (const auto& host : inventory_.hosts)
        rows.push_back(host_row(host));
    return rows;
}

json InfiniBox::create_host(const json& body)
{
    const auto name = body.at("name").get<std::string>();
    if (inventory_.host_named(name))
        throw Refusal{409, "HOST_NAME_ALREADY_EXISTS", "A host named " + name + " already exists"};
    return host_row(add_host({{"name", name}}));
}

json InfiniBox::add_port(const std::string& id, const json& body)
{
    auto& host = host_by(id);
    const auto type = body.at("type").get<std::string>();
    const auto address = normal(body.at("address"));
    if (type != "fc" && type != "iscsi" && type != "FC" && type != "ISCSI")
        throw Refusal{400, "VALIDATION_FAILED", "type must be fc or iscsi"};
    if (const auto* owner = inventory_.owner_of(address))
        throw Refusal{409, "PORT_ALREADY_BELONGS_TO_HOST", "Port " + address + " belongs to host " + owner->name};
    host.initiators.push_back(address);
    inventory_.publish();
    return {{"host_id", std::stoi(id)}, {"type", type}, {"address", address}};
}

json InfiniBox::host_of_address(const std::string& address)
{
    if (const auto* host = inventory_.owner_of(normal(address)))
        return std::stoi(host->id);
    throw Refusal{404, "HOST_NOT_FOUND", "No host has this address"};
}

json InfiniBox::luns_of_volume(const std::string& id)
{
    volume_by(id);
    json rows = json::array();
    for (const auto& map : inventory_.maps)
        if (map.volume == id)
            for (const auto& row : lun_rows(map))
                rows.push_back(row);
    return rows;
}

json InfiniBox::luns_of_holder(const std::string& id, bool cluster)
{
    json rows = json::array();
    for (const auto& map : inventory_.maps)
        if (cluster ? map.group == id : map.host == id || (!map.group.empty() && host_by(id).group == map.group))
            for (const auto& row : lun_rows(map))
                rows.push_back(row);
    return rows;
}

json InfiniBox::map(const std::string& id, bool cluster, const json& body)
{
    const auto volume_id = std::to_string(body.at("volume_id").get<std::int64_t>());
    volume_by(volume_id);
    if (cluster && !inventory_.group(id))
        throw Refusal{404, "HOST_CLUSTER_NOT_FOUND", "Cluster " + id + " not found"};
    if (!cluster)
        host_by(id);
    for (const auto& map : inventory_.maps)
        if (map.volume == volume_id && (cluster ? map.group : map.host) == id)
            throw Refusal{switches_.get<int>("exists_status"), "MAPPING_ALREADY_EXISTS",
                          "Volume is already mapped to this host"};
    int number = free_number(id, cluster);
    if (body.contains("lun")) {
        number = body["lun"].get<int>();
        for (const auto& row : luns_of_holder(id, cluster))
            if (row["lun"] == number)
                throw Refusal{switches_.get<int>("taken_status"), switches_.get<std::string>("taken_code"),
                              "The requested lun is already in use"};
    }
    StoredMap made{.id = std::to_string(next_id_++), .volume = volume_id, .number = number};
    (cluster ? made.group : made.host) = id;
    inventory_.maps.push_back(made);
    inventory_.publish();
    return lun_rows(made).front();
}

json InfiniBox::unmap(const std::string& id, bool cluster, const std::string& volume)
{
    volume_by(volume);
    if (!cluster)
        host_by(id);
    const auto found = std::ranges::find_if(inventory_.maps, [&](const StoredMap& map) {
        return map.volume == volume && (cluster ? map.group : map.host) == id;
    });
    if (found == inventory_.maps.end())
        throw Refusal{switches_.get<int>("not_found_status"), "LUN_NOT_FOUND", "The volume is not mapped"};
    auto row = lun_rows(*found).front();
    inventory_.maps.erase(found);
    inventory_.publish();
    return row;
}

int InfiniBox::free_number(const std::string& id, bool cluster) const
{
    std::set<int> used;
    for (const auto& map : inventory_.maps)
        if ((cluster ? map.group : map.host) == id)
            used.insert(map.number);
    int number = cluster ? 11 : 1; // the ranges are kept apart
    while (used.contains(number))
        ++number;
    return number;
}

json InfiniBox::volume_row(const StoredVolume& volume) const
{
    return {{"id", std::stoi(volume.id)},
            {"name", volume.name},
            {"serial", volume.naa.substr(5)},
            {"size", volume.size},
            {"pool_id", 1001},
            {"provtype", "THIN"},
            {"type", volume.more.value("type", "MASTER")},
            {"mapped", std::ranges::count(inventory_.maps, volume.id, &StoredMap::volume) > 0},
            {"write_protected", volume.more.value("write_protected", false)}};
}

json InfiniBox::host_row(const StoredHost& host) const
{
    const auto style = switches_.get<std::string>("address_case");
    json ports = json::array();
    for (const auto& initiator : host.initiators) {
        const bool iscsi = initiator.starts_with("iqn.") || initiator.starts_with("eui.");
        std::string address = initiator;
        if (!iscsi && style == "upper")
            std::ranges::transform(address, address.begin(),
                                   [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
        if (!iscsi && style == "colons")
            for (std::size_t i = 14; i > 0; i -= 2)
                address.insert(i, ":");
        ports.push_back({{"address", address}, {"type", iscsi ? "ISCSI" : "FC"}, {"host_id", std::stoi(host.id)}});
    }
    json row = {{"id", std::stoi(host.id)},
                {"name", host.name},
                {"ports", ports},
                {"luns", json::array()},
                {"security_method", "NONE"}};
    row["host_cluster_id"] =
        host.group.empty() ? (switches_.on("null_numbers") ? json() : json(0)) : json(std::stoi(host.group));
    return row;
}

std::vector<json> InfiniBox::lun_rows(const StoredMap& map) const
{
    const json none = switches_.on("null_numbers") ? json() : json(0);
    const auto row = [&](const json& host, const json& cluster) {
        return json{{"id", std::stoi(map.id)}, {"lun", map.number},          {"clustered", !map.group.empty()},
                    {"host_id", host},         {"host_cluster_id", cluster}, {"volume_id", std::stoi(map.volume)},
                    {"udid", nullptr}};
    };
    if (map.group.empty())
        return {row(std::stoi(map.host), none)};
    std::vector<json> rows;
    if (switches_.on("cluster_rows_name_hosts"))
        for (const auto* host : inventory_.hosts_of(map))
            rows.push_back(row(std::stoi(host->id), std::stoi(map.group)));
    if (rows.empty())
        rows.push_back(row(none, std::stoi(map.group)));
    return rows;
}

} // namespace lab::infinibox
