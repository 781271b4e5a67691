#include "tests/lab/arrays/powermax/powermax.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>

namespace lab::powermax {

using nlohmann::json;

namespace {

constexpr const char* symmetrix = "000197900046";
constexpr PortGroup port_groups[] = {
    {"PG1", "SCSI_FC", "Fibre", {"FA-1D:4", "FA-2D:4"}},
    {"PG-iSCSI", "iSCSI", "iSCSI", {"SE-1E:000", "SE-2E:000"}},
    {"PG-NVMe", "NVMe_TCP", "", {"OR-1C:000", "OR-2C:000"}},
};

std::string lower(std::string text)
{
    std::ranges::transform(text, text.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    return text;
}

} // namespace

PowerMax::PowerMax(const ModelConfig& config)
    : StockedModel(config,
                   Switches{{"api_version", "102", "8: versions of the REST interface", {"92", "100", "104"}},
                            {"async_only", false, "8: every change may become a job", {true}},
                            {"v3", false, "5: older arrays know no port_group_protocol", {true}},
                            {"host_field", "host_id", "5: the field that names an initiator's host", {"host"}},
                            {"connections_after", 0, "6.2: connections may be missing at first", {2}},
                            {"exists_status", 409, "6.3: what exists already", {500}},
                            {"missing_status", 404, "6.4: missing objects", {500}},
                            {"wwn_case", "lower", "4: the case of wwn", {"upper"}},
                            {"add_twice", "no-op", "6.3: adding what is in the group", {"error"}},
                            {"lock_storm", 0, "8: this many changes are refused for the array's lock", {1}},
                            {"moved", false, "4: the volume shows its effective WWN"}},
                   {"EMC", "SYMMETRIX"})
{}

Response PowerMax::answer(const Request& request)
{
    const auto login = basic_login(request);
    if (!login || login->user != user_ || login->password != password_)
        return {401, R"({"message":"Unauthorized"})", {}};
    try {
        return dispatch(request);
    } catch (const Refusal& refusal) {
        return {refusal.status, json{{"message", refusal.message}}.dump(), {}};
    } catch (const json::exception& wrong) {
        return {400, json{{"message", wrong.what()}}.dump(), {}};
    }
}

Response PowerMax::dispatch(const Request& request)
{
    auto path = path_segments(request.path);
    if (path.size() < 3 || path[0] != "univmax" || path[1] != "restapi")
        return {404, "<html>404</html>", {{"Content-Type", "text/html"}}};
    path.erase(path.begin(), path.begin() + 2);
    const auto version = switches_.get<std::string>("api_version");
    if (path.size() == 1 && path[0] == "version")
        return {200, json{{"version", "V10.2.0.0"}, {"api_version", version}}.dump(), {}};
    if (std::stoi("0" + path[0]) > std::stoi(version))
        return {404, R"({"message":"The version is not supported"})", {}};
    path.erase(path.begin());
    if (path.size() >= 4 && path[0] == "system" && path[1] == "symmetrix" && path[2] == symmetrix && path[3] == "job")
        return {200, job_record(path.size() > 4 ? path[4] : "").dump(), {}};
    if (path.size() == 3 && path[0] == "system" && path[1] == "symmetrix") {
        if (path[2] != symmetrix)
            throw Refusal{404, "Symmetrix not found"};
        return {
            200,
            json{{"symmetrixId", symmetrix}, {"model", "PowerMax_2500"}, {"microcode", "6079.325.0"}, {"local", true}}
                .dump(),
            {}};
    }
    if (path.size() < 4 || path[0] != "sloprovisioning" || path[1] != "symmetrix")
        throw Refusal{404, "The resource cannot be found"};
    if (path[2] != symmetrix)
        throw Refusal{404, "Symmetrix not found"};
    path.erase(path.begin(), path.begin() + 3);
    if (request.method == "GET")
        return {200, read(request, path).dump(), {}};
    may_be_locked();
    const auto body = request.body.empty() ? json::object() : json::parse(request.body);
    if (!switches_.on("async_only")) {
        const auto result = write(request, path, body);
        return result.is_null() ? Response{204, "", {}} : Response{200, result.dump(), {}};
    }
    Job job{.id = std::to_string(1665432 + jobs_.size()), .looks = 0, .failure = {}};
    try {
        write(request, path, body);
    } catch (const Refusal& refusal) {
        job.failure = refusal.message;
    }
    jobs_.push_back(job);
    return {202, json{{"jobId", job.id}, {"status", "SCHEDULED"}, {"resourceLink", request.path}}.dump(), {}};
}

void PowerMax::may_be_locked()
{
    if (locked_ < switches_.get<int>("lock_storm")) {
        ++locked_;
        throw Refusal{500, "A problem occurred: Unable to acquire the Symmetrix device lock"};
    }
    locked_ = 0;
}

json PowerMax::job_record(const std::string& id)
{
    for (auto& job : jobs_)
        if (job.id == id) {
            const bool over = ++job.looks > 1;
            return {{"jobId", id},
                    {"status", !over                 ? "RUNNING"
                               : job.failure.empty() ? "SUCCEEDED"
                                                     : "FAILED"},
                    {"result", job.failure}};
        }
    throw Refusal{404, "The job cannot be found"};
}

json PowerMax::read(const Request& request, const Path& path)
{
    const auto& kind = path[0];
    if (kind == "volume" && path.size() == 2)
        return volume_record(volume_by(path[1]));
    if (kind == "storagegroup" && path.size() == 2)
        return group_record(group_by(path[1]));
    if (kind == "maskingview" && path.size() == 2)
        return view_record(view_by(path[1]));
    if (kind == "maskingview" && path.size() == 3 && path[2] == "connections")
        return connections(view_by(path[1]), request.parameter("volume_id").value_or(""));
    if (kind == "initiator" && path.size() == 1)
        return initiators(request);
    if (kind == "initiator" && path.size() == 2)
        return initiator_record(path[1]);
    if (kind == "hostgroup" && path.size() == 2) {
        const auto* group = inventory_.group_named(path[1]);
        if (!group)
            throw Refusal{404, "Host group " + path[1] + " cannot be found"};
        json hosts = json::array();
        for (const auto& host : inventory_.hosts)
            if (host.group == group->id)
                hosts.push_back({{"hostId", host.name}});
        return {{"hostGroupId", path[1]}, {"host", hosts}};
    }
    if (kind == "portgroup" && path.size() == 2) {
        const auto& group = port_group_by(path[1]);
        json record = {{"portGroupId", group.name}, {"num_of_ports", std::size(group.ports)}};
        if (*group.type != '\0')
            record["type"] = group.type;
        if (!switches_.on("v3"))
            record["port_group_protocol"] = group.protocol;
        return record;
    }
    throw Refusal{404, "The resource cannot be found"};
}

json PowerMax::write(const Request& request, const Path& path, const json& body)
{
    const auto is = [&](const char* method, const char* kind, std::size_t length) {
        return request.method == method && path[0] == kind && path.size() == length;
    };
    if (is("POST", "storagegroup", 1)) {
        const auto name = body.at("storageGroupId").get<std::string>();
        if (std::ranges::count(groups_, name, &StorageGroup::name) > 0)
            throw Refusal{switches_.get<int>("exists_status"), "The requested storage group resource already exists."};
        if (name.size() > 64)
            throw Refusal{400, "The name is too long"};
        groups_.push_back({name, {}});
        return group_record(groups_.back());
    }
    if (is("PUT", "storagegroup", 2))
        return edit_group(group_by(path[1]), body.at("editStorageGroupActionParam"));
    if (is("DELETE", "storagegroup", 2)) {
        const auto& group = group_by(path[1]);
        if (std::ranges::count(views_, path[1], &MaskingView::storage_group) > 0 || !group.volumes.empty())
            throw Refusal{500, "The storage group is in a masking view or not empty"};
        std::erase_if(groups_, [&](const StorageGroup& one) { return one.name == path[1]; });
        return nullptr;
    }
    if (is("POST", "maskingview", 1))
        return create_view(body);
    if (is("DELETE", "maskingview", 2)) {
        view_by(path[1]);
        std::erase_if(views_, [&](const MaskingView& one) { return one.name == path[1]; });
        publish();
        return nullptr;
    }
    throw Refusal{404, "The resource cannot be found"};
}

json PowerMax::edit_group(StorageGroup& group, const json& action)
{
    const bool add = action.contains("expandStorageGroupParam");
    const auto& volumes =
        add ? action["expandStorageGroupParam"].at("addSpecificVolumeParam") : action.at("removeVolumeParam");
    for (const auto& id : volumes.at("volumeId")) {
        const auto device = volume_by(id).id;
        const auto there = std::ranges::find(group.volumes, device);
        if (add && there != group.volumes.end() && switches_.get<std::string>("add_twice") == "error")
            throw Refusal{500, "The volume is already in the storage group"};
        if (add && there == group.volumes.end())
            group.volumes.push_back(device);
        if (!add && there == group.volumes.end())
            throw Refusal{500, "The volume is not in the storage group"};
        if (!add && group.volumes.size() == 1 &&
            std::ranges::count(views_, group.name, &MaskingView::storage_group) > 0)
            throw Refusal{500, "The last volume of a storage group in a masking view cannot be removed"};
        if (!add)
            group.volumes.erase(there);
    }
    publish();
    return group_record(group);
}

json PowerMax::create_view(const json& body)
{
    const auto name = body.at("maskingViewId").get<std::string>();
    if (std::ranges::count(views_, name, &MaskingView::name) > 0)
        throw Refusal{switches_.get<int>("exists_status"), "The requested masking view resource already exists."};
    const auto& who = body.at("hostOrHostGroupSelection");
    MaskingView view{.name = name};
    if (who.contains("useExistingHostParam"))
        view.host = who["useExistingHostParam"].at("hostId");
    else
        view.group = who.at("useExistingHostGroupParam").at("hostGroupId");
    view.port_group = body.at("portGroupSelection").at("useExistingPortGroupParam").at("portGroupId");
    view.storage_group = body.at("storageGroupSelection").at("useExistingStorageGroupParam").at("storageGroupId");
    const auto port_group = std::ranges::find(port_groups, view.port_group, &PortGroup::name);
    if (port_group == std::end(port_groups))
        throw Refusal{500, "Port Group on Symmetrix cannot be found"};
    if (view.host.empty() ? !inventory_.group_named(view.group) : !inventory_.host_named(view.host))
        throw Refusal{500, "Initiator Group on Symmetrix cannot be found"};
    const auto group = std::ranges::find(groups_, view.storage_group, &StorageGroup::name);
    if (group == groups_.end())
        throw Refusal{500, "Storage Group on Symmetrix cannot be found"};
    if (group->volumes.empty())
        throw Refusal{500, "The storage group is empty"};
    const auto speaks = [&](const StoredHost& host) {
        return (host.name == view.host ||
                (view.host.empty() && host.group == inventory_.group_named(view.group)->id)) &&
               !speakers(host, *port_group).empty();
    };
    if (std::ranges::none_of(inventory_.hosts, speaks))
        throw Refusal{500, "There is a mismatch between the initiator and the director port"};
    views_.push_back(view);
    publish();
    return view_record(view);
}

const PortGroup& PowerMax::port_group_by(const std::string& name) const
{
    const auto* group = std::ranges::find(port_groups, name, &PortGroup::name);
    if (group == std::end(port_groups) || (switches_.on("v3") && *group->type == '\0'))
        throw Refusal{404, "Port Group " + name + " cannot be found"};
    return *group;
}

std::vector<std::string> PowerMax::speakers(const StoredHost& host, const PortGroup& group) const
{
    const std::string protocol = group.protocol;
    std::vector<std::string> names;
    for (const auto& initiator : host.initiators)
        if (protocol == (initiator.starts_with("iqn.") ? "iSCSI" : "SCSI_FC"))
            names.push_back(initiator);
    return names;
}

void PowerMax::publish()
{
    inventory_.maps.clear();
    std::map<std::pair<std::string, std::string>, int> kept;
    for (const auto& view : views_) {
        const auto group = std::ranges::find(groups_, view.storage_group, &StorageGroup::name);
        if (group == groups_.end())
            continue;
        const auto* host = inventory_.host_named(view.host);
        const auto* hosts = inventory_.group_named(view.group);
        for (const auto& device : group->volumes) {
            StoredMap map{.id = view.name + device,
                          .volume = device,
                          .host = host ? host->id : "",
                          .group = hosts ? hosts->id : ""};
            const std::pair key{view.name, device};
            if (const auto known = numbers_.find(key); known != numbers_.end()) {
                map.number = known->second;
            } else {
                std::set<int> used;
                for (const auto* member : inventory_.hosts_of(map))
                    used.merge(inventory_.numbers_seen_by(*member));
                map.number = 1; // the lowest that is free on the initiators
                while (used.contains(map.number))
                    ++map.number;
            }
            kept[key] = map.number;
            inventory_.maps.push_back(map);
        }
    }
    numbers_ = std::move(kept);
    inventory_.publish();
}

json PowerMax::volume_record(const StoredVolume& volume) const
{
    std::vector<std::string> groups;
    for (const auto& group : groups_)
        if (std::ranges::count(group.volumes, volume.id) > 0)
            groups.push_back(group.name);
    const bool moved = switches_.on("moved");
    json record = {{"volumeId", volume.id},
                   {"type", "TDEV"},
                   {"cap_cyl", volume.size / (15 * 128 * 1024)},
                   {"status", volume.more.value("status", "Ready")},
                   {"volume_identifier", volume.name},
                   {"wwn", moved ? "60000970000197909999533030303939" : wwn_of(volume)},
                   {"effective_wwn", wwn_of(volume)},
                   {"has_effective_wwn", moved},
                   {"num_of_storage_groups", groups.size()}};
    if (!groups.empty())
        record["storageGroupId"] = groups;
    return record;
}

std::string PowerMax::wwn_of(const StoredVolume& volume) const
{
    auto wwn = volume.naa.substr(4);
    if (switches_.get<std::string>("wwn_case") == "upper")
        std::ranges::transform(wwn, wwn.begin(), [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
    return wwn;
}

json PowerMax::group_record(const StorageGroup& group) const
{
    json views = json::array();
    for (const auto& view : views_)
        if (view.storage_group == group.name)
            views.push_back(view.name);
    return {{"storageGroupId", group.name},
            {"type", "Standalone"},
            {"srp", "None"},
            {"num_of_vols", group.volumes.size()},
            {"num_of_masking_views", views.size()},
            {"maskingview", views}};
}

json PowerMax::view_record(const MaskingView& view) const
{
    return {{"maskingViewId", view.name},
            {"hostId", view.host},
            {"hostGroupId", view.group},
            {"portGroupId", view.port_group},
            {"storageGroupId", view.storage_group}};
}

json PowerMax::connections(MaskingView& view, const std::string& volume)
{
    json all = json::array();
    if (++view.looks > switches_.get<int>("connections_after"))
        for (const auto& map : inventory_.maps)
            if (map.id == view.name + volume)
                for (const auto* host : inventory_.hosts_of(map))
                    for (const auto& initiator : speakers(*host, port_group_by(view.port_group)))
                        all.push_back({{"volumeId", volume},
                                       {"host_lun_address", fmt::format("{:04X}", map.number)},
                                       {"initiatorId", initiator},
                                       {"dir_port", port_group_by(view.port_group).ports[0]},
                                       {"logged_in", true}});
    return {{"maskingViewConnection", all}};
}

json PowerMax::initiators(const Request& request) const
{
    const auto wanted = lower(request.parameter("initiator_hba").value_or(""));
    json ids = json::array();
    for (const auto& host : inventory_.hosts)
        for (const auto& initiator : host.initiators)
            if (wanted.empty() || initiator == wanted)
                for (const char* port : port_groups[initiator.starts_with("iqn.") ? 1 : 0].ports)
                    ids.push_back(fmt::format("{}:{}", port, initiator));
    return {{"initiatorId", ids}};
}

json PowerMax::initiator_record(const std::string& id) const
{
    for (const auto& host : inventory_.hosts)
        for (const auto& initiator : host.initiators)
            if (id.ends_with(":" + initiator))
                return {{"initiatorId", id},
                        {"type", initiator.starts_with("iqn.") ? "GigE" : "Fibre"},
                        {switches_.get<std::string>("host_field"), host.name},
                        {"logged_in", true},
                        {"on_fabric", true}};
    throw Refusal{404, "Initiator " + id + " cannot be found"};
}

StoredVolume& PowerMax::volume_by(const std::string& id)
{
    if (auto* volume = inventory_.volume(id))
        return *volume;
    throw Refusal{switches_.get<int>("missing_status"), "Could not find volume " + id + " on Symmetrix " + symmetrix};
}

StorageGroup& PowerMax::group_by(const std::string& name)
{
    const auto found = std::ranges::find(groups_, name, &StorageGroup::name);
    if (found == groups_.end())
        throw Refusal{switches_.get<int>("missing_status"), "Storage Group " + name + " cannot be found"};
    return *found;
}

MaskingView& PowerMax::view_by(const std::string& name)
{
    const auto found = std::ranges::find(views_, name, &MaskingView::name);
    if (found == views_.end())
        throw Refusal{switches_.get<int>("missing_status"), "Masking View " + name + " cannot be found"};
    return *found;
}

} // namespace lab::powermax
