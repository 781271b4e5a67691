#include "coordinator/kube/claim.hpp"

#include "coordinator/kube/values.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace xcopy::kube {

namespace {

using rest::Json;
using rest::text_at;

Error bad_answer(std::string_view what)
{
    return {Errc::failed, fmt::format("the API server's answer is not a {}", what), "", "kube_bad_answer"};
}

Error refuse(Errc code, std::string message, std::string remedy, std::string reason)
{
    return {code, std::move(message), std::move(remedy), std::move(reason)};
}

Result<Claim> get_claim(const Call& call, rest::Api& api, const std::string& name_space, const std::string& name)
{
    auto json = api.get(call, fmt::format("/api/v1/namespaces/{}/persistentvolumeclaims/{}",
                                          rest::percent_encode(name_space), rest::percent_encode(name)));
    if (!json)
        return json.error();
    return parse_claim(*json);
}

} // namespace

Result<Claim> parse_claim(const Json& json)
{
    Claim claim;
    claim.name_space = text_at(json, "metadata.namespace");
    claim.name = text_at(json, "metadata.name");
    claim.uid = text_at(json, "metadata.uid");
    if (claim.name.empty() || claim.uid.empty())
        return bad_answer("PersistentVolumeClaim");
    claim.is_being_deleted = !text_at(json, "metadata.deletionTimestamp").empty();
    claim.volume_mode = text_at(json, "spec.volumeMode");
    claim.volume = text_at(json, "spec.volumeName");
    claim.phase = text_at(json, "status.phase");
    const auto asked = text_at(json, "spec.resources.requests.storage");
    const auto bytes = parse_quantity(asked);
    if (!asked.empty() && !bytes)
        return Error{Errc::failed, fmt::format("PersistentVolumeClaim {}/{} asks for '{}', which is no size",
                                               claim.name_space, claim.name, asked)};
    claim.size_bytes = bytes.value_or(0);
    return claim;
}

Result<PersistentVolume> parse_volume(const Json& json)
{
    PersistentVolume volume;
    volume.name = text_at(json, "metadata.name");
    if (volume.name.empty())
        return bad_answer("PersistentVolume");
    volume.is_being_deleted = !text_at(json, "metadata.deletionTimestamp").empty();
    volume.phase = text_at(json, "status.phase");
    volume.driver = text_at(json, "spec.csi.driver");
    volume.handle.handle = text_at(json, "spec.csi.volumeHandle");
    if (const auto* attributes = rest::find(json, "spec.csi.volumeAttributes"); attributes && attributes->is_object())
        for (const auto& [key, value] : attributes->items())
            if (value.is_string())
                volume.handle.attributes.emplace(key, value.get<std::string>());
    volume.claim_name_space = text_at(json, "spec.claimRef.namespace");
    volume.claim_name = text_at(json, "spec.claimRef.name");
    volume.claim_uid = text_at(json, "spec.claimRef.uid");
    if (const auto* notes = rest::find(json, "metadata.annotations"); notes && notes->is_object())
        for (const auto& [key, value] : notes->items()) // keys hold dots, so no path finds them
            if (key.ends_with("/populated-from") && value.is_string())
                volume.populated_from = value.get<std::string>();
    return volume;
}

std::string prime_name(const std::string& uid)
{
    return "prime-" + uid;
}

Result<void> check_claim(const Claim& claim, const std::string& expected_uid)
{
    const auto who = fmt::format("PersistentVolumeClaim {}/{}", claim.name_space, claim.name);
    if (!expected_uid.empty() && claim.uid != expected_uid)
        return refuse(Errc::conflict, fmt::format("{} has UID {}, not {}", who, claim.uid, expected_uid),
                      "it was deleted and made anew: start the migration of this disk again", "claim_replaced");
    if (claim.is_being_deleted)
        return refuse(Errc::conflict, who + " is being deleted", "nothing to do, unless it should not be",
                      "claim_going");
    if (claim.volume_mode != "Block")
        return refuse(
            Errc::unsupported,
            fmt::format("{} has volumeMode {}; a copy by the array replaces every block of the volume, its file "
                        "system too",
                        who, claim.volume_mode.empty() ? "Filesystem" : claim.volume_mode),
            "make the claim with volumeMode: Block", "claim_not_block");
    return {};
}

Result<void> check_volume(const PersistentVolume& volume, const Claim& holder)
{
    const auto who = fmt::format("PersistentVolume {}", volume.name);
    if (volume.claim_name_space != holder.name_space || volume.claim_name != holder.name ||
        volume.claim_uid != holder.uid)
        return refuse(Errc::conflict,
                      fmt::format("{} belongs to claim {}/{} ({}), not to {}/{} ({})", who, volume.claim_name_space,
                                  volume.claim_name, volume.claim_uid, holder.name_space, holder.name, holder.uid),
                      "somebody else's data may be on it: look who uses it", "volume_of_other_claim");
    if (volume.is_being_deleted || volume.phase == "Released" || volume.phase == "Failed")
        return refuse(Errc::conflict, fmt::format("{} is going away (phase {})", who, volume.phase), "make a new claim",
                      "volume_going");
    if (!volume.populated_from.empty())
        return refuse(
            Errc::conflict, fmt::format("{} was filled from {} and handed over already", who, volume.populated_from),
            "its virtual machine may be running; to copy again, delete the claim and start the migration anew",
            "volume_populated");
    if (volume.driver.empty() || volume.handle.handle.empty())
        return refuse(Errc::unsupported, fmt::format("{} is not a CSI volume", who),
                      "use a StorageClass of the array's CSI driver", "volume_not_csi");
    return {};
}

Result<ClaimTarget> find_claim_target(const Call& call, rest::Api& api, const std::string& name_space,
                                      const std::string& name, const std::string& expected_uid)
{
    auto claim = get_claim(call, api, name_space, name);
    if (!claim)
        return claim.error();
    if (auto good = check_claim(*claim, expected_uid); !good)
        return good.error();

    Claim holder = *claim;
    if (holder.volume.empty()) {
        auto prime = get_claim(call, api, name_space, prime_name(claim->uid));
        if (!prime && prime.error().code != Errc::not_found)
            return prime.error();
        if (prime) {
            if (auto good = check_claim(*prime, ""); !good)
                return good.error();
            holder = std::move(*prime);
        }
    }
    if (holder.volume.empty())
        return Error{Errc::unavailable,
                     fmt::format("PersistentVolumeClaim {}/{} has no volume yet, and {} {}", name_space, name,
                                 prime_name(claim->uid), holder.uid == claim->uid ? "is not there" : "has none either"),
                     "wait until the storage class has provisioned it (kubectl describe pvc), then run again",
                     "claim_unbound"};

    auto json = api.get(call, "/api/v1/persistentvolumes/" + rest::percent_encode(holder.volume));
    if (!json)
        return json.error();
    auto volume = parse_volume(*json);
    if (!volume)
        return volume.error();
    if (auto good = check_volume(*volume, holder); !good)
        return good.error();
    return ClaimTarget{std::move(*claim), std::move(*volume)};
}

Result<bool> is_claim_going(const Call& call, rest::Api& api, const std::string& name_space, const std::string& name,
                            const std::string& uid)
{
    auto claim = get_claim(call, api, name_space, name);
    if (!claim && claim.error().code == Errc::not_found)
        return true;
    if (!claim)
        return claim.error();
    return claim->uid != uid || claim->is_being_deleted;
}

} // namespace xcopy::kube
