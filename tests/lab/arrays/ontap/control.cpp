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

} // namespace

json Ontap::handle_control(const json& order)
{
    std::lock_guard lock(mutex_);
    try {
        return obey(order);
    } catch (const std::exception& error) {
        return {{"error", error.what()}};
    }
}

json Ontap::obey(const json& order)
{
    const auto verb = order.at("verb").get<std::string>();
    if (verb == "create_lun")
        return create_lun(order);
    if (verb == "delete_lun")
        return delete_lun(order);
    if (verb == "create_igroup")
        return create_igroup(order);
    if (verb == "map")
        return map(order);
    if (verb == "unmap")
        return unmap(order);
    if (verb == "state")
        return dump();
    if (verb == "requests" && server_)
        return json(server_->requests());
    if (verb == "forget_requests" && server_) {
        server_->forget_requests();
        return json::object();
    }
    if (verb == "set") {
        if (auto wrong = switches_.set(order.at("switches")))
            throw std::runtime_error(*wrong);
        return json::object();
    }
    if (verb == "rotate_password") {
        api_.set_password(order.at("password"));
        return json::object();
    }
    throw std::runtime_error("an ONTAP does not know the verb " + verb);
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
    const auto* group =
        granted(state_.create_igroup({.svm = svm_in(order),
                                      .name = order.at("name"),
                                      .protocol = order.value("protocol", "mixed"),
                                      .os_type = order.value("os_type", "linux"),
                                      .initiators = order.value("initiators", std::vector<std::string>{}),
                                      .children = {},
                                      .delete_on_unmap = order.value("delete_on_unmap", false)}));
    return {{"uuid", group->uuid}, {"name", group->name}};
}

json Ontap::map(const json& order)
{
    const auto& lun = lun_in(order);
    const auto name = order.at("igroup").get<std::string>();
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
    const auto* group = igroup_named(lun.svm, order.at("igroup"));
    if (!group)
        throw std::runtime_error("no igroup " + order["igroup"].dump() + " in " + lun.svm);
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
    const auto text = order.at("lun").get<std::string>();
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
