#include "coordinator/vsphere/source_disk.hpp"

#include "protocol/datastores.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace xcopy::vsphere {

namespace {

const DatastoreView* find_datastore(const std::vector<DatastoreView>& all, const std::optional<Ref>& ref)
{
    const auto found = ref ? std::ranges::find(all, *ref, &DatastoreView::ref) : all.end();
    return found == all.end() ? nullptr : &*found;
}

// The LUN behind an RDM: what the VM's host calls it, else what its vml name says.
Result<std::string> device_of_rdm(Session& session, const Call& call, const SourceDisk& source)
{
    if (source.vm_host && !source.disk.lun_uuid.empty()) {
        const auto storage = storage_of(session, call, *source.vm_host);
        if (!storage && storage.error().code != Errc::denied && storage.error().code != Errc::not_found)
            return storage.error();
        if (storage) {
            const auto found = std::ranges::find(storage->devices, source.disk.lun_uuid, &HostDevice::uuid);
            if (found != storage->devices.end() && !found->name.empty())
                return found->name;
        }
    }
    return naa_of_vml(source.disk.device).value_or(source.disk.device);
}

} // namespace

std::optional<Error> objection_to(const SourceDisk& source)
{
    const auto& file = source.disk.levels[source.level].file;
    if (source.disk.type == BackingType::not_copyable)
        return Error{Errc::unsupported,
                     fmt::format("disk '{}' of VM '{}' is a {}, which no host can clone", file, source.vm,
                                 source.disk.backing_type),
                     "move it to a VMFS datastore first (Storage vMotion)", "disk_not_copyable"};
    if (!backing_of(source)) // no array copies it by itself
        if (auto holds = check_holds_mappings(source.datastore.name, source.datastore.type); !holds)
            return holds.error();
    if (source.power == "poweredOn" && source.level == 0)
        return Error{
            Errc::conflict,
            fmt::format("VM '{}' is powered on and writes to '{}': a copy of it would be torn", source.vm, file),
            "shut the VM down; or take a snapshot and name the disk below it, as a warm migration does", "disk_in_use"};
    return std::nullopt;
}

std::optional<DiskBacking> backing_of(const SourceDisk& source)
{
    if (!source.is_base()) // a delta; its parents hold the rest
        return std::nullopt;
    if (source.disk.type == BackingType::raw_mapping && !source.rdm_device.empty())
        return DiskBacking{DiskBacking::Kind::rdm, source.rdm_device};
    const auto& id = source.disk.levels[source.level].backing_id;
    if (source.datastore.type == "VVOL" && !id.empty()) // vSAN's disks have such an id too
        return DiskBacking{DiskBacking::Kind::vvol, id};
    return std::nullopt;
}

std::vector<std::string> remarks_on(const SourceDisk& source)
{
    std::vector<std::string> remarks;
    if (!source.is_base())
        remarks.push_back(fmt::format("the disk is {} snapshots above its base: the host reads the chain and copies by "
                                      "itself, xcopy: none is expected",
                                      source.disk.levels.size() - source.level - 1));
    if (source.level > 0)
        remarks.push_back(fmt::format("{} newer snapshots are left out: only '{}' is copied", source.level,
                                      source.disk.levels[source.level].file));
    if (source.power == "suspended")
        remarks.emplace_back("the VM is suspended: what its memory holds is not on the disk");
    if (source.disk.type == BackingType::raw_mapping && source.rdm_device.empty())
        remarks.emplace_back("no host sees the LUN of this raw device mapping");
    return remarks;
}

Result<SourceDisk> look_at_source(Session& session, const Call& call, const std::string& vm, const std::string& file,
                                  const std::vector<DatastoreView>& datastores)
{
    const auto ref = find_vm(session, call, vm);
    if (!ref)
        return ref.error();
    const auto view = look_at_vm(session, call, *ref);
    if (!view)
        return view.error();
    const auto match = match_disk(view->disks, file, view->name);
    if (!match)
        return match.error();
    SourceDisk source{.vm = view->name,
                      .vm_id = view->ref.id,
                      .power = view->power,
                      .vm_host = view->host,
                      .disk = view->disks[match->disk],
                      .level = match->level,
                      .datastore = {},
                      .allocated = allocated_bytes(view->layout, view->disks[match->disk].key),
                      .rdm_device = {}};
    if (const auto* datastore = find_datastore(datastores, source.disk.levels[source.level].datastore))
        source.datastore = *datastore;
    if (source.disk.type == BackingType::raw_mapping) {
        auto device = device_of_rdm(session, call, source);
        if (!device)
            return device.error();
        source.rdm_device = std::move(*device);
    }
    return source;
}

} // namespace xcopy::vsphere
