// What the lab and the array's administrator do beside the REST interface. The administrator is bound by the same
// rules.
#include "tests/lab/arrays/ontap/ontap.hpp"
#include "tests/lab/arrays/ontap/records.hpp"
#include "tests/lab/arrays/ontap/trident.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <stdexcept>

namespace lab::ontap {

using nlohmann::json;

namespace {

template <class T> T granted(Answer<T> answer)
{
    if (!answer)
        throw std::runtime_error(answer.error().message + " (" + answer.error().code + ")");
    if constexpr (!std::is_void_v<T>)
        return *answer;
}

// ONTAP takes WWPNs as pairs with colons; the lab names them as 16 hex digits.
std::string as_ontap_writes(const std::string& initiator)
{
    if (initiator.size() != 16 || initiator.find_first_not_of("0123456789abcdef") != std::string::npos)
        return initiator;
    std::string name;
    for (std::size_t i = 0; i < initiator.size(); ++i)
        name += (i > 0 && i % 2 == 0 ? ":" : "") + initiator.substr(i, 1);
    return name;
}

std::vector<std::string> as_the_lab_writes(std::vector<std::string> names)
{
    for (auto& name : names)
        if (!name.starts_with("iqn.") && !name.starts_with("eui."))
            std::erase(name, ':');
    return names;
}

std::vector<std::string> initiators_in(const json& order)
{
    auto names = order.value("initiators", std::vector<std::string>{});
    std::ranges::transform(names, names.begin(), as_ontap_writes);
    return names;
}

} // namespace

json Ontap::control(const std::string& verb, const json& order)
{
    if (verb == "volume.create")
        return create_volume(order);
    if (verb == "volume.remove" || verb == "delete_lun")
        return delete_lun(order);
    if (verb == "create_lun")
        return create_lun(order);
    if (verb == "host.create" || verb == "create_igroup")
        return create_igroup(order);
    if (verb == "map")
        return map(order);
    if (verb == "unmap")
        return unmap(order);
    if (verb == "hosts")
        return hosts();
    if (verb == "mappings")
        return mappings();
    if (verb == "foreign_handle") // a LUN of an SVM that this cluster does not have
        return {{"volumeHandle", "pvc-elsewhere"},
                {"volumeAttributes", {{"protocol", "block"}, {"internalID", "/svm/elsewhere/flexvol/t/lun/lun0"}}}};
    if (verb == "secret")
        return {
            {"STORAGE_USERNAME", user_}, {"STORAGE_PASSWORD", password_}, {"ONTAP_SVM", state_.svms().front().name}};
    if (verb == "sessions") // Basic with every request: there are none
        return {{"opened", 0}, {"open", 0}, {"tokens", json::array()}, {"signs_in", false}};
    if (verb == "sessions.expire")
        return json::object();
    if (verb == "state")
        return dump();
    if (verb == "rotate_password") {
        password_ = order.at("password");
        api_.set_password(password_);
        return json::object();
    }
    throw ControlRefused("an ONTAP does not know the verb " + verb);
}

// The names that all arrays have for what create_lun does.
json Ontap::create_volume(const json& order)
{
    auto mine = order;
    if (order.value("kind", "pvc") == "pvc")
        mine["kind"] = "san";
    auto made = create_lun(mine);
    made["name"] = made.at("path");
    made["handles"] = json::array();
    if (made.contains("csi")) {
        const auto& csi = made["csi"];
        made["handles"].push_back(
            {{"volumeHandle", csi.at("volumeHandle")}, {"volumeAttributes", csi.at("volumeAttributes")}});
    }
    return made;
}

json Ontap::hosts() const
{
    json all = json::array();
    for (const auto& group : state_.igroups())
        all.push_back({{"name", group.name}, {"initiators", as_the_lab_writes(state_.initiators_of(group))}});
    return {{"hosts", all}};
}

json Ontap::mappings() const
{
    json all = json::array();
    for (const auto& map : state_.maps()) {
        const auto& group = *state_.find_igroup(map.igroup);
        all.push_back({{"naa", naa_of(state_.find_lun(map.lun)->serial)},
                       {"host", group.name},
                       {"initiators", as_the_lab_writes(state_.initiators_of(group))},
                       {"number", map.number}});
    }
    return {{"mappings", all}};
}

json Ontap::create_lun(const json& order)
{
    const auto& svm = svm_in(order);
    const auto volume = order.at("name").get<std::string>();
    const auto kind = parse_kind(order.value("kind", "san"));
    if (!kind)
        throw std::runtime_error("no such kind of volume: " + order["kind"].dump());
    Names names(name_ + " backend " + svm);
    const auto csi = csi_of(*kind, volume, svm, names.next_uuid());
    if (*kind == Kind::nas)
        return {{"csi", csi}};

    State::NewLun wanted{.svm = svm,
                         .name = order.value("path", lun_path(*kind, volume)),
                         .size = order.at("size"),
                         .lun_class = *kind == Kind::vvol ? "vvol" : "regular",
                         .os_type = order.value("os_type", *kind == Kind::datastore ? "vmware" : "linux"),
                         .serial = ""};
    if (order.contains("naa")) {
        const auto serial = serial_of(order["naa"].get<std::string>());
        if (!serial)
            throw std::runtime_error("not a name of an ONTAP LUN, naa.600a0980 and the hex of 12 letters: " +
                                     order["naa"].dump());
        wanted.serial = *serial;
    }
    auto answer = describe(*granted(state_.create_lun(wanted)));
    if (!csi.is_null())
        answer["csi"] = csi;
    return answer;
}

json Ontap::delete_lun(const json& order)
{
    granted(state_.delete_lun(lun_in(order).uuid, order.value("while_mapped", false)));
    return json::object();
}

json Ontap::create_igroup(const json& order)
{
    const auto* group = granted(state_.create_igroup({.svm = svm_in(order),
                                                      .name = order.at("name"),
                                                      .protocol = order.value("protocol", "mixed"),
                                                      .os_type = order.value("os_type", "linux"),
                                                      .initiators = initiators_in(order),
                                                      .children = {},
                                                      .delete_on_unmap = order.value("delete_on_unmap", false)}));
    return {{"uuid", group->uuid}, {"name", group->name}};
}

json Ontap::map(const json& order)
{
    const auto& lun = lun_in(order);
    const auto name = order.at(order.contains("host") ? "host" : "igroup").get<std::string>();
    if (!igroup_named(lun.svm, name)) {
        auto creation = order;
        creation["name"] = name;
        creation["svm"] = lun.svm;
        create_igroup(creation);
    }
    std::optional<int> number;
    if (order.contains("number"))
        number = order["number"].get<int>();
    const auto* map = granted(state_.map(lun.uuid, igroup_named(lun.svm, name)->uuid, number));
    return {{"number", map->number}, {"igroup", map->igroup}};
}

json Ontap::unmap(const json& order)
{
    const auto& lun = lun_in(order);
    const auto* group = igroup_named(lun.svm, order.at(order.contains("host") ? "host" : "igroup"));
    if (!group)
        throw ControlRefused("no such igroup in " + lun.svm);
    granted(state_.unmap(lun.uuid, group->uuid));
    return json::object();
}

json Ontap::describe(const Lun& lun) const
{
    return {{"uuid", lun.uuid},          {"svm", lun.svm},
            {"path", lun.name},          {"size", lun.size},
            {"serial", lun.serial},      {"serial_hex", hex_of(lun.serial)},
            {"naa", naa_of(lun.serial)}, {"class", lun.lun_class},
            {"os_type", lun.os_type},    {"file", state_.file_of(lun).string()}};
}

json Ontap::dump() const
{
    json dump = {{"luns", json::array()}, {"igroups", json::array()}, {"maps", json::array()}};
    for (const auto& lun : state_.luns())
        dump["luns"].push_back(describe(lun));
    for (const auto& group : state_.igroups())
        dump["igroups"].push_back({{"uuid", group.uuid},
                                   {"svm", group.svm},
                                   {"name", group.name},
                                   {"os_type", group.os_type},
                                   {"initiators", state_.initiators_of(group)}});
    for (const auto& map : state_.maps()) {
        const auto& lun = *state_.find_lun(map.lun);
        dump["maps"].push_back({{"svm", lun.svm},
                                {"lun", lun.name},
                                {"lun_uuid", lun.uuid},
                                {"naa", naa_of(lun.serial)},
                                {"igroup", state_.find_igroup(map.igroup)->name},
                                {"igroup_uuid", map.igroup},
                                {"number", map.number}});
    }
    return dump;
}

const std::string& Ontap::svm_in(const json& order) const
{
    if (!order.contains("svm"))
        return state_.svms().front().name;
    const auto* svm = state_.find_svm(order["svm"]);
    if (!svm)
        throw std::runtime_error("no SVM " + order["svm"].dump());
    return svm->name;
}

const Lun& Ontap::lun_in(const json& order) const
{
    const auto text = order.at(order.contains("volume") ? "volume" : "lun").get<std::string>();
    for (const auto& lun : state_.luns()) {
        const bool here = !order.contains("svm") || svm_in(order) == lun.svm;
        if (lun.uuid == text || naa_of(lun.serial) == text || (here && lun.name == text))
            return lun;
    }
    throw std::runtime_error("no LUN " + text);
}

const Igroup* Ontap::igroup_named(const std::string& svm, const std::string& name) const
{
    const auto found = std::ranges::find_if(
        state_.igroups(), [&](const Igroup& group) { return group.svm == svm && group.name == name; });
    return found == state_.igroups().end() ? nullptr : &*found;
}

} // namespace lab::ontap
