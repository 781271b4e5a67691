// What the administrator and the CSI driver do beside the REST interface.
#include "tests/lab/arrays/pure/pure.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>

namespace lab::pure {

using nlohmann::json;

namespace {

constexpr const char* prefix = "px_4cbe7cb5";

} // namespace

int FlashArray::map_to(StoredVolume& volume, const std::string& host, std::optional<int> number)
{
    const auto* group = inventory_.group_named(host);
    try {
        return map(volume, group ? "" : inventory_.host_named(host)->id, group ? group->id : "", number).number;
    } catch (const Refusal& refusal) {
        throw ControlRefused(refusal.message);
    }
}

json FlashArray::foreign_handle() const // nothing in it names an array: it is simply not here
{
    return handle_json("aaaaaaaa-5d0a-8e5b-1c2d-9a8b7c6d5e4f");
}

json FlashArray::secret() const
{
    if (switches_.get<std::string>("signs_in_by") == "password")
        return {{"STORAGE_USERNAME", user_}, {"STORAGE_PASSWORD", password_}, {"PURE_CLUSTER_PREFIX", prefix}};
    return {{"STORAGE_TOKEN", api_token_}, {"PURE_CLUSTER_PREFIX", prefix}};
}

json FlashArray::sessions() const
{
    return {{"opened", opened_}, {"open", sessions_.size()}, {"tokens", tokens_}};
}

void FlashArray::expire_sessions()
{
    sessions_.clear();
}

json FlashArray::make_volume(const json& order)
{
    const auto claim = order.at("name").get<std::string>();
    const auto kind = order.value("kind", "pvc");
    const auto name = kind == "pvc"    ? fmt::format("{}-{}", prefix, claim)
                      : kind == "vvol" ? fmt::format("vvol-{}-1a2b3c4d-vg/Data-5e6f7a8b", claim)
                                       : claim;
    const auto id = new_id();
    auto naa = order.value("naa", fmt::format("naa.624a93709714b5cb91634c47{:08x}", 0x11000 + ids_));
    std::string serial = naa.substr(12);
    std::ranges::transform(serial, serial.begin(), [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
    json more = {{"serial", serial}};
    if (kind == "vvol")
        more["vvol"] = fmt::format("rfc4122.7a6d0b1c-91f3-4a5e-8a38-{:012x}", ids_);
    const auto& made =
        inventory_.add_volume({.id = id, .name = name, .naa = naa, .size = order.at("size"), .more = more, .file = {}});
    json answer = made_json(made);
    if (kind == "rdm")
        answer["backing"] = {{"kind", "rdm"}, {"id", naa}};
    if (kind == "vvol")
        answer["backing"] = {{"kind", "vvol"}, {"id", more["vvol"]}};
    if (kind == "pvc") {
        const json named = {{"csi.storage.k8s.io/pv/name", claim}};
        answer["handles"] = json::array({handle_json(id), handle_json(id, named), handle_json("1029384756", named)});
    }
    return answer;
}

} // namespace lab::pure
