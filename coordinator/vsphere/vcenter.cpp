#include "coordinator/vsphere/vcenter.hpp"

#include "vendors/rest/url.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>

namespace xcopy::vsphere {

namespace {

// From a folder or datacenter down to `type` of things. Hops refer to each other by name; the type of a hop matches
// its subtypes, so ComputeResource is clusters too.
Wanted below(const Ref& start, std::string type, std::vector<std::string> paths)
{
    Wanted wanted{.type = std::move(type), .paths = std::move(paths), .start = {start}, .skip_start = true, .hops = {}};
    wanted.hops = {{.name = "f", .type = "Folder", .path = "childEntity", .next = {"f", "d", "v", "c", "s", "a", "p"}},
                   {.name = "d", .type = "Datacenter", .path = "hostFolder", .next = {"f", "c"}},
                   {.name = "v", .type = "Datacenter", .path = "vmFolder", .next = {"f"}},
                   {.name = "c", .type = "ComputeResource", .path = "host", .next = {}},
                   {.name = "s", .type = "Datacenter", .path = "datastore", .next = {}},
                   // The VMs of a vApp are not their folder's children.
                   {.name = "a", .type = "VirtualApp", .path = "vm", .next = {}},
                   {.name = "p", .type = "VirtualApp", .path = "resourcePool", .next = {"a", "p"}}};
    return wanted;
}

// Only the hops that lead to what is asked for: vCenter walks every one it is given.
Wanted only(Wanted wanted, const std::vector<std::string>& names)
{
    const auto is_unwanted = [&](const std::string& name) { return std::ranges::count(names, name) == 0; };
    std::erase_if(wanted.hops, [&](const Hop& hop) { return is_unwanted(hop.name); });
    for (auto& hop : wanted.hops)
        std::erase_if(hop.next, is_unwanted);
    return wanted;
}

std::string_view without_type(std::string_view text, std::string_view type)
{
    if (text.starts_with(type) && text.substr(type.size()).starts_with(':'))
        text.remove_prefix(type.size() + 1);
    return text;
}

bool is_numbered(std::string_view text, std::string_view prefix)
{
    return text.starts_with(prefix) && text.size() > prefix.size() &&
           std::ranges::all_of(text.substr(prefix.size()), [](unsigned char c) { return std::isdigit(c) != 0; });
}

bool same_text(std::string_view a, std::string_view b)
{
    return std::ranges::equal(a, b,
                              [](unsigned char x, unsigned char y) { return std::tolower(x) == std::tolower(y); });
}

Error unknown_vm(std::string_view text, std::string_view why)
{
    return {Errc::not_found, fmt::format("no VM '{}': {}", rest::one_line(text), why),
            "give its id (vm-…), its inventory path (DC/vm/folder/name) or its name with --source-vm-id", "unknown_vm"};
}

Result<Ref> by_path(Session& session, const Call& call, std::string_view path)
{
    const auto content = session.content(call);
    if (!content)
        return content.error();
    auto answer =
        session.read(call, fmt::format(R"(<FindByInventoryPath xmlns="urn:vim25">{}{}</FindByInventoryPath>)",
                                       element("_this", (*content)->search_index), element("inventoryPath", path)));
    if (!answer)
        return answer.error();
    auto ref = ref_of(child(answer->response, "returnval"));
    if (!ref)
        return Error{Errc::not_found, "nothing has this inventory path", "", "vsphere_not_found"};
    return *ref;
}

Result<Ref> by_name(Session& session, const Call& call, std::string_view name)
{
    const auto content = session.content(call);
    if (!content)
        return content.error();
    const auto all =
        retrieve(session, call, only(below((*content)->root_folder, "VirtualMachine", {"name"}), {"f", "v", "a", "p"}));
    if (!all)
        return all.error();
    std::vector<Ref> found;
    std::string ids;
    for (const auto& vm : all->all)
        if (unescaped_name(vm.text("name")) == name || vm.text("name") == name) {
            found.push_back(vm.ref);
            ids += (ids.empty() ? "" : ", ") + vm.ref.id;
        }
    if (found.empty())
        return unknown_vm(name, "none of this name that the account may see");
    if (found.size() > 1)
        return Error{Errc::conflict, fmt::format("{} VMs are called '{}': {}", found.size(), rest::one_line(name), ids),
                     "give the id of the one that is meant with --source-vm-id", "ambiguous_vm"};
    return found.front();
}

} // namespace

VmNaming naming_of(std::string_view text)
{
    text = without_type(text, "VirtualMachine");
    const bool only_digits = !text.empty() && is_numbered(text, ""); // on a standalone ESXi host
    if (is_numbered(text, "vm-") || only_digits)
        return VmNaming::id;
    return text.find('/') != std::string_view::npos ? VmNaming::path : VmNaming::name;
}

Result<Ref> find_vm(Session& session, const Call& call, std::string_view text)
{
    if (text.empty() || !can_be_xml(text))
        return unknown_vm(text, "that is no name");
    switch (naming_of(text)) {
    case VmNaming::id:
        return Ref{"VirtualMachine", std::string(without_type(text, "VirtualMachine"))};
    case VmNaming::path: {
        auto ref = by_path(session, call, text);
        if (!ref && ref.error().reason == "vsphere_not_found")
            return unknown_vm(text, ref.error().message);
        if (ref && ref->type != "VirtualMachine")
            return unknown_vm(text, fmt::format("it is a {}", ref->type));
        return ref;
    }
    case VmNaming::name:
        return by_name(session, call, text);
    }
    return unknown_vm(text, "that is no name");
}

Result<VmView> look_at_vm(Session& session, const Call& call, const Ref& vm)
{
    auto objects = retrieve(session, call,
                            {.type = "VirtualMachine",
                             .paths = {"name", "runtime.host", "runtime.powerState", "runtime.connectionState",
                                       "config.hardware.device", "layoutEx"},
                             .start = {vm},
                             .skip_start = false,
                             .hops = {}});
    if (!objects && objects.error().code == Errc::not_found)
        return unknown_vm(vm.id, objects.error().message);
    if (!objects)
        return objects.error();
    const auto* object = objects->find(vm);
    if (object == nullptr)
        return unknown_vm(vm.id, "vCenter does not know it");
    for (const char* needed : {"name", "runtime.powerState", "config.hardware.device"})
        if (auto why = object->why_missing(needed))
            return *why;
    VmView view{.ref = vm,
                .name = unescaped_name(object->text("name")),
                .host = ref_of(object->value("runtime.host")),
                .power = object->text("runtime.powerState"),
                .connection = object->text("runtime.connectionState"),
                .disks = read_disks(object->value("config.hardware.device")),
                .kept = {},
                .layout = object->value("layoutEx")};
    view.kept = std::move(*objects);
    return view;
}

Result<std::vector<HostInfo>> look_at_hosts(Session& session, const Call& call, const std::vector<Ref>& hosts)
{
    const auto objects = retrieve(
        session, call, {.type = "HostSystem", .paths = host_paths(), .start = hosts, .skip_start = false, .hops = {}});
    if (!objects)
        return objects.error();
    std::vector<HostInfo> views;
    for (const auto& object : objects->all) {
        if (auto why = object.why_missing("name"))
            return *why;
        views.push_back(read_host(object));
    }
    return views;
}

Result<std::vector<HostInfo>> hosts_of(Session& session, const Call& call, std::string_view datacenter)
{
    const auto content = session.content(call);
    if (!content)
        return content.error();
    Ref start = (*content)->root_folder;
    if (!datacenter.empty()) {
        auto found = can_be_xml(datacenter) ? by_path(session, call, datacenter)
                                            : Result<Ref>(Error{Errc::not_found, "that is no name"});
        if (!found || found->type != "Datacenter")
            return Error{Errc::not_found, fmt::format("no datacenter '{}'", rest::one_line(datacenter)),
                         "give its inventory path, folders included: Europe/DC 0", "unknown_datacenter"};
        start = *found;
    }
    const auto objects = retrieve(session, call, only(below(start, "HostSystem", host_paths()), {"f", "d", "c"}));
    if (!objects)
        return objects.error();
    std::vector<HostInfo> views;
    for (const auto& object : objects->all)
        views.push_back(read_host(object));
    std::ranges::sort(views, {}, &HostInfo::name);
    return views;
}

const HostInfo* find_host(const std::vector<HostInfo>& hosts, std::string_view text)
{
    const auto id = without_type(text, "HostSystem");
    const auto matches = [&](const HostInfo& host) {
        return host.ref.id == id || same_text(host.name, text) ||
               std::ranges::any_of(host.addresses, [&](const auto& address) { return same_text(address, text); });
    };
    const auto found = std::ranges::find_if(hosts, matches);
    return found == hosts.end() ? nullptr : &*found;
}

Result<std::vector<DatastoreView>> all_datastores(Session& session, const Call& call)
{
    const auto content = session.content(call);
    if (!content)
        return content.error();
    const auto objects =
        retrieve(session, call, only(below((*content)->root_folder, "Datastore", datastore_paths()), {"f", "s"}));
    if (!objects)
        return objects.error();
    std::vector<DatastoreView> views;
    for (const auto& object : objects->all)
        views.push_back(read_datastore(object));
    return views;
}

Result<std::vector<Mount>> mounts_of(Session& session, const Call& call, const Ref& datastore)
{
    const auto objects = retrieve(
        session, call, {.type = "Datastore", .paths = {"host"}, .start = {datastore}, .skip_start = false, .hops = {}});
    if (!objects)
        return objects.error();
    const auto* object = objects->find(datastore);
    if (object == nullptr)
        return std::vector<Mount>();
    if (auto why = object->why_missing("host"))
        return *why;
    return read_mounts(object->value("host"));
}

Result<HostStorage> storage_of(Session& session, const Call& call, const Ref& host)
{
    constexpr const char* root = "config.storageDevice.";
    const std::string adapters = fmt::format("{}hostBusAdapter", root);
    const std::string luns = fmt::format("{}scsiLun", root);
    const std::string paths = fmt::format("{}multipathInfo.lun", root);
    const auto objects = retrieve(
        session, call,
        {.type = "HostSystem", .paths = {adapters, luns, paths}, .start = {host}, .skip_start = false, .hops = {}});
    if (!objects)
        return objects.error();
    const auto* object = objects->find(host);
    if (object == nullptr)
        return Error{Errc::not_found, fmt::format("vCenter does not know host {}", host.id), "", "unknown_host"};
    for (const auto& path : {adapters, luns})
        if (auto why = object->why_missing(path))
            return *why;
    return HostStorage{read_adapters(elements(object->value(adapters))),
                       read_devices(elements(object->value(luns)), elements(object->value(paths)))};
}

Result<std::optional<std::string>> sdc_guid(Session& session, const Call& call, const Ref& host)
{
    constexpr const char* path = "configManager.kernelModuleSystem";
    const auto objects = retrieve(
        session, call, {.type = "HostSystem", .paths = {path}, .start = {host}, .skip_start = false, .hops = {}});
    if (!objects)
        return objects.error();
    const auto* object = objects->find(host);
    const auto system = object == nullptr ? std::nullopt : ref_of(object->value(path));
    if (!system)
        return std::optional<std::string>();
    const auto answer = session.read(
        call, fmt::format(R"(<QueryModules xmlns="urn:vim25">{}</QueryModules>)", element("_this", *system)));
    if (!answer)
        return answer.error();
    for (const auto& module : children(answer->response, "returnval"))
        if (text_of(module, "name") == "scini")
            return guid_in_options(text_of(module, "optionString"));
    return std::optional<std::string>();
}

Result<Datacenter> datacenter_of(Session& session, const Call& call, const Ref& object)
{
    const auto objects =
        retrieve(session, call,
                 {.type = "ManagedEntity",
                  .paths = {"name", "parent"},
                  .start = {object},
                  .skip_start = false,
                  .hops = {{.name = "up", .type = "ManagedEntity", .path = "parent", .next = {"up"}}}});
    if (!objects)
        return objects.error();
    Datacenter found;
    std::optional<Ref> at = object;
    constexpr int deepest = 100;
    for (int level = 0; at && level < deepest; ++level) {
        const auto* entity = objects->find(*at);
        if (entity == nullptr)
            break;
        auto parent = ref_of(entity->value("parent"));
        const bool is_part = parent && (at->type == "Datacenter" || !found.path.empty()); // the root folder is none
        if (is_part && found.path.empty())
            found.ref = *at;
        if (is_part) // its slashes stay %2f: it is a path
            found.path.insert(0, entity->text("name") + (found.path.empty() ? "" : "/"));
        at = std::move(parent);
    }
    if (found.path.empty())
        return Error{Errc::not_found, fmt::format("vCenter does not say in which datacenter {} is", object.id), "",
                     "unknown_datacenter"};
    return found;
}

} // namespace xcopy::vsphere
