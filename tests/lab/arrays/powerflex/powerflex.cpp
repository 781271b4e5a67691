#include "tests/lab/arrays/powerflex/powerflex.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>

namespace lab::powerflex {

using nlohmann::json;

namespace {

constexpr const char* system_id = "1250de83018c2d0f";

std::string upper(std::string text)
{
    std::ranges::transform(text, text.begin(), [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
    return text;
}

// "Volume::3bd1f78800000019" after its kind; empty when it is of another kind.
std::string id_after(const std::string& part, const std::string& kind)
{
    return part.starts_with(kind + "::") ? part.substr(kind.size() + 2) : std::string();
}

} // namespace

PowerFlex::PowerFlex(const ModelConfig& config)
    : StockedModel(
          config,
          {{"version", "4.5", "2.1: below 4.0 the token is a password, from it on a bearer", {"3.6", "4.5.1.2"}},
           {"legacy_login", true, "2: the older login may be gone", {false}},
           {"version_needs_sign_in", true, "2.1: whether the version is told to anybody", {false}},
           {"idle_seconds", 600, "2.3: how long a token lives unused"},
           {"guid_case", "upper", "5: the array's case of GUIDs", {"lower"}},
           {"code_already_mapped", 81, "6.2: mapping what is mapped", {9999}},
           {"code_not_mapped", 84, "6.2: unmapping what is not mapped", {9999}},
           {"code_no_volume", 79, "6.2: an unknown volume", {78, 9999}},
           {"details", false, "6.2: codes in details only", {true}},
           {"system_named", true, "3: systems without a name", {false}},
           {"restricted", "None", "3: the system's SDC mode", {"Guid"}},
           {"sdc_connected", true, "5: the SDC's connection"}},
          {"DellEMC", "PowerFlex"})
{}

Response PowerFlex::answer(const Request& request)
{
    if (request.path == "/api/login" && request.method == "GET")
        return sign_in(request);
    if (request.path == "/rest/auth/login" && request.method == "POST")
        return newer_sign_in(request, false);
    if (request.path == "/api/version" && !switches_.on("version_needs_sign_in"))
        return {200, json(switches_.get<std::string>("version")).dump(), {}};
    if (!is_signed_in(request))
        return {401, R"({"message":"Unauthorized","httpStatusCode":401,"errorCode":0})", {}};
    try {
        return dispatch(request);
    } catch (const Refusal& refusal) {
        json body = {{"message", refusal.message}, {"httpStatusCode", refusal.status}, {"errorCode", refusal.code}};
        if (switches_.on("details")) {
            body["errorCode"] = 0;
            body["details"] = {{{"error", "ERROR"}, {"rc", refusal.code}, {"errorMessage", refusal.message}}};
        }
        return {refusal.status, body.dump(), {}};
    } catch (const json::exception& wrong) {
        return {400, json{{"message", wrong.what()}, {"httpStatusCode", 400}, {"errorCode", 0}}.dump(), {}};
    }
}

Response PowerFlex::sign_in(const Request& request)
{
    if (!switches_.on("legacy_login"))
        return {404, "<html>not found</html>", {{"Content-Type", "text/html"}}};
    const auto login = basic_login(request);
    if (!login || login->user != user_ || login->password != password_)
        return {401, R"({"message":"Unauthorized","httpStatusCode":401,"errorCode":0})", {}};
    const auto token = fmt::format("YWRtaW46T0tFTg{}pflex", ++opened_);
    tokens_.push_back(token);
    sessions_[token] = clock_.now();
    return {200, json(token).dump(), {}};
}

Response PowerFlex::newer_sign_in(const Request& request, bool out)
{
    const auto body = json::parse(request.body, nullptr, false);
    if (out) { // the token was checked already
        std::erase_if(sessions_, [&](const auto& one) { return one.first + "R" == body.value("refresh_token", ""); });
        return {204, "", {}};
    }
    if (body.is_discarded() || body.value("username", "") != user_ || body.value("password", "") != password_)
        return {401, "<html>401</html>", {{"Content-Type", "text/html"}}};
    const auto token = fmt::format("eyJhbGciOi{}jwt", ++opened_);
    tokens_.push_back(token);
    tokens_.push_back(token + "R");
    sessions_[token] = clock_.now();
    return {200, json{{"access_token", token}, {"refresh_token", token + "R"}, {"expires_in", 300}}.dump(), {}};
}

bool PowerFlex::is_signed_in(const Request& request)
{
    std::string token;
    const auto header = request.header("authorization").value_or("");
    if (header.starts_with("Bearer "))
        token = header.substr(7);
    else if (const auto login = basic_login(request); login && login->user.empty())
        token = login->password;
    const bool is_bearer = header.starts_with("Bearer ");
    // The version is told under either; everything else under the one that belongs to it.
    if (request.path != "/api/version" && is_bearer != bearer() && switches_.on("legacy_login"))
        return false;
    const auto session = sessions_.find(token);
    if (session == sessions_.end() || token.empty())
        return false;
    if (clock_.now() - session->second > std::chrono::seconds(switches_.get<int>("idle_seconds"))) {
        sessions_.erase(session);
        return false;
    }
    session->second = clock_.now();
    return true;
}

Response PowerFlex::dispatch(const Request& request)
{
    const auto parts = path_segments(request.path);
    if (request.path == "/rest/auth/logout" && request.method == "POST")
        return newer_sign_in(request, true);
    if (request.path == "/api/logout" && request.method == "GET") {
        const auto header = request.header("authorization").value_or("");
        const auto login = basic_login(request);
        sessions_.erase(header.starts_with("Bearer ") ? header.substr(7) : login ? login->password : "");
        return {200, "", {}};
    }
    if (request.path == "/api/version")
        return {200, json(switches_.get<std::string>("version")).dump(), {}};
    if (request.path == "/api/types/System/instances" && request.method == "GET") {
        json other = {{"id", "ffffde83018c2d0f"}, {"name", ""}, {"restrictedSdcMode", "None"}};
        json system = {{"id", system_id},
                       {"name", switches_.on("system_named") ? "pflex-lab" : ""},
                       {"systemVersionName", "DELL EMC PowerFlex Version: R4_5.0.111"},
                       {"restrictedSdcMode", switches_.get<std::string>("restricted")}};
        return {200, json{other, system}.dump(), {}};
    }
    if (parts.size() < 3 || parts[0] != "api" || parts[1] != "instances")
        throw Refusal{404, 0, "The resource does not exist"};
    if (request.method == "GET" && parts.size() == 5 && parts[3] == "relationships" && parts[4] == "Sdc" &&
        id_after(parts[2], "System") == system_id) {
        json sdcs = json::array();
        for (const auto& host : inventory_.hosts)
            sdcs.push_back(sdc_record(host));
        return {200, sdcs.dump(), {}};
    }
    const auto volume = id_after(parts[2], "Volume");
    if (!volume.empty() && volume.find_first_not_of("0123456789abcdef") != std::string::npos)
        throw Refusal{400, 0, "id (" + volume + ") must be a hexadecimal number"};
    if (request.method == "GET" && !volume.empty() && parts.size() == 3)
        return {200, volume_record(volume_by(volume)).dump(), {}};
    if (request.method == "POST" && !volume.empty() && parts.size() == 5 && parts[3] == "action")
        return act(volume, parts[4], json::parse(request.body));
    throw Refusal{404, 0, "The resource does not exist"};
}

Response PowerFlex::act(const std::string& volume, const std::string& action, const json& body)
{
    volume_by(volume);
    const auto sdc = body.value("sdcId", "");
    if (sdc.empty() && action.ends_with("MappedSdc"))
        throw Refusal{400, 0, "Request message is not valid: sdcId is missing"};
    if (action == "addMappedSdc") {
        const bool several =
            body.value("allowMultipleMappings", "") == "true" || body.value("allowMultipleMappings", "") == "True";
        for (const auto& map : inventory_.maps)
            if (map.volume == volume && map.host != sdc && !several)
                throw Refusal{500, 306, "This volume is already mapped and may not be mapped to additional SDCs."};
        map(volume, sdc);
        return {200, "", {}};
    }
    if (action == "removeMappedSdc") {
        unmap(volume, sdc);
        return {200, "", {}};
    }
    throw Refusal{404, 0, "No such action"};
}

void PowerFlex::map(const std::string& volume, const std::string& sdc)
{
    if (!inventory_.host(sdc))
        throw Refusal{500, 80, "Could not find the SDC"};
    std::set<int> used;
    for (const auto& map : inventory_.maps) {
        if (map.volume == volume && map.host == sdc)
            throw Refusal{500, switches_.get<int>("code_already_mapped"), "The volume is already mapped to this SDC"};
        if (map.host == sdc)
            used.insert(map.number);
    }
    int number = 1; // the kernel module's own; the array has none
    while (used.contains(number))
        ++number;
    inventory_.maps.push_back({.id = new_id(), .volume = volume, .host = sdc, .number = number});
    inventory_.publish();
}

void PowerFlex::unmap(const std::string& volume, const std::string& sdc)
{
    const auto gone =
        std::erase_if(inventory_.maps, [&](const StoredMap& map) { return map.volume == volume && map.host == sdc; });
    if (gone == 0)
        throw Refusal{500, switches_.get<int>("code_not_mapped"), "The volume is not mapped to SDC"};
    inventory_.publish();
}

json PowerFlex::volume_record(const StoredVolume& volume) const
{
    json mapped = json::array();
    for (const auto& map : inventory_.maps)
        if (map.volume == volume.id)
            for (const auto* host : inventory_.hosts_of(map))
                mapped.push_back({{"sdcId", host->id},
                                  {"sdcIp", "10.0.1.5"},
                                  {"sdcName", host->name},
                                  {"accessMode", "ReadWrite"},
                                  {"limitIops", 0},
                                  {"limitBwInMbps", 0},
                                  {"hostType", "SdcHost"}});
    json record = {
        {"id", volume.id}, {"name", volume.name}, {"sizeInKb", volume.size / 1024}, {"volumeType", "ThinProvisioned"}};
    record["mappedSdcInfo"] = mapped.empty() ? json() : mapped;
    return record;
}

json PowerFlex::sdc_record(const StoredHost& host) const
{
    const auto guid = host.initiators.empty() ? std::string() : host.initiators.front();
    return {{"id", host.id},
            {"name", host.more.value("named", true) ? json(host.name) : json()},
            {"sdcGuid", switches_.get<std::string>("guid_case") == "upper" ? upper(guid) : guid},
            {"osType", host.more.value("os", "Esx")},
            {"mdmConnectionState", switches_.on("sdc_connected") ? "Connected" : "Disconnected"},
            {"sdcApproved", host.more.value("approved", true)},
            {"systemId", system_id}};
}

StoredVolume& PowerFlex::volume_by(const std::string& id)
{
    if (auto* volume = inventory_.volume(id))
        return *volume;
    throw Refusal{500, switches_.get<int>("code_no_volume"), "Could not find the volume"};
}

std::string PowerFlex::new_id()
{
    return fmt::format("3bd1f788{:08x}", ++ids_ + 0x100);
}

} // namespace lab::powerflex
