// iscsi *
#include "tests/lab/esxcli/command.hpp"

#include <fmt/format.h>

namespace lab {

namespace {

template <class MakeRecord> Output of_iscsi_adapters(HostState& host, const char* type, MakeRecord record)
{
    const std::lock_guard lock(host.mutex);
    Output out{.shape = Shape::table, .type = type, .records = {}};
    for (const auto& a : host.storage.adapters())
        if (a.transport == "iscsi")
            out.records.push_back(record(a));
    return out;
}

Output list_adapters(HostState& host, const Arguments&)
{
    return of_iscsi_adapters(host, "IscsiAdapter", [](const AdapterConfig& a) {
        return Record{{{"Adapter", a.name},
                       {"Driver", a.driver},
                       {"State", a.link_state},
                       {"UID", a.uid},
                       {"Description", a.description}}};
    });
}

Output get_adapter(HostState& host, const Arguments& arguments)
{
    const std::lock_guard lock(host.mutex);
    const auto* a = host.storage.adapter(arguments.get("adapter"));
    if (a == nullptr || a->transport != "iscsi")
        return Output::failure(fmt::format("Unable to find adapter with name {}", arguments.get("adapter")));
    return {
        .shape = Shape::list,
        .type = "IscsiAdapterInfo",
        .heading = true,
        .records = {
            {{{"Adapter", a->name}, {"Name", a->uid}, {"Alias", ""}, {"Vendor", "VMware"}, {"Driver", a->driver}}}}};
}

Output list_sessions(HostState& host, const Arguments&)
{
    auto out = of_iscsi_adapters(host, "IscsiSession", [](const AdapterConfig& a) {
        return Record{{{"Adapter", a.name},
                       {"Target", "iqn.1992-08.com.lab:sn.1"},
                       {"ISID", "00023d000001"},
                       {"Target Portal Group Tag", std::int64_t{1}}}};
    });
    out.shape = Shape::list;
    out.heading = true;
    return out;
}

} // namespace

std::vector<Command> iscsi_commands()
{
    return {
        {"iscsi adapter list", {}, list_adapters},
        {"iscsi adapter get", {{"A", "adapter", true, true}}, get_adapter},
        {"iscsi session list", {{"A", "adapter"}}, list_sessions},
    };
}

} // namespace lab
