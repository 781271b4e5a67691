#include "agent/esxi/tools.hpp"

#include "agent/esxi/commands.hpp"
#include "agent/esxi/esxcli_error.hpp"
#include "agent/esxi/esxcli_xml.hpp"
#include "agent/esxi/inventory.hpp"
#include "agent/esxi/vsish.hpp"
#include "protocol/ids.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

namespace xcopy {

namespace {

// A name that goes behind an option must not become another one.
bool is_plain_name(std::string_view text)
{
    return !text.empty() && text.size() <= 64 && text.front() != '-' &&
           std::all_of(text.begin(), text.end(), [](char c) {
               return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
                      c == '_' || c == '-' || c == ':';
           });
}

Error bad_name(std::string_view what, const std::string& text)
{
    return {Errc::bad_request, fmt::format("'{}' is no name of {}", text.substr(0, 80), what)};
}

Result<std::string> said_by(const std::vector<std::string>& argv, const RunLimits& limits)
{
    auto finished = run(argv, limits);
    if (!finished)
        return finished.error();
    if (finished->exit_status != 0)
        return esxcli_error(fmt::format("{}", fmt::join(argv, " ")), *finished);
    return std::move(finished->out);
}

// What a parser makes of an answer, or the error that came instead of it.
template <class Parser> auto understood(const Result<std::string>& answer, Parser parser)
    -> decltype(parser(EsxcliReply{}))
{
    if (!answer)
        return answer.error();
    auto reply = parse_esxcli_xml(*answer);
    if (!reply)
        return reply.error();
    return parser(*reply);
}

bool is_blank(std::string_view text)
{
    return text.find_first_not_of(" \t\r\n") == std::string_view::npos;
}

} // namespace

Result<std::string> Tools::ask(const std::vector<std::string>& words, const RunLimits& caller) const
{
    RunLimits limits = caller;
    limits.output_bytes = std::max(caller.output_bytes, max_esxcli_xml_bytes);
    auto answer = said_by(commands::with_xml(paths_.esxcli, words), limits);
    if (answer || !hostd_is_the_problem(answer.error()))
        return answer;
    auto second = said_by(commands::with_xml(paths_.localcli, words), limits);
    if (second)
        return second;
    Error error = answer.error();
    error.message += "; and " + second.error().message;
    return error;
}

Result<void> Tools::order(const std::vector<std::string>& words, const RunLimits& limits) const
{
    auto answer = said_by(commands::with_xml(paths_.esxcli, words), limits);
    if (!answer)
        return answer.error();
    return {};
}

Result<HostVersion> Tools::version(const RunLimits& limits) const
{
    return understood(ask(commands::version(), limits), inventory::version);
}

Result<std::string> Tools::host_uuid(const RunLimits& limits) const
{
    return understood(ask(commands::host_uuid(), limits), [](const EsxcliReply& reply) -> Result<std::string> {
        if (reply.text.empty())
            return Error{Errc::failed, "esxcli gives no UUID for this host"};
        return reply.text;
    });
}

Result<std::string> Tools::host_name(const RunLimits& limits) const
{
    return understood(ask(commands::host_name(), limits), inventory::host_name);
}

Result<std::vector<std::string>> Tools::addresses(const RunLimits& limits) const
{
    const auto read = [](const EsxcliReply& reply) -> Result<std::vector<std::string>> {
        return inventory::addresses(reply);
    };
    auto all = understood(ask(commands::ipv4_addresses(), limits), read);
    auto v6 = understood(ask(commands::ipv6_addresses(), limits), read); // IPv6 may be switched off
    if (!all)
        return v6 && !v6->empty() ? v6 : all;
    if (v6)
        all->insert(all->end(), v6->begin(), v6->end());
    return all;
}

Result<AdvancedOption> Tools::advanced_option(const std::string& path, const RunLimits& limits) const
{
    return understood(ask(commands::advanced_option(path), limits),
                      [&](const EsxcliReply& reply) { return inventory::advanced_option(path, reply); });
}

Result<std::vector<Adapter>> Tools::adapters(const RunLimits& limits) const
{
    auto list = understood(ask(commands::adapters(), limits), inventory::adapters);
    if (!list)
        return list;
    for (auto& adapter : *list) {
        if (adapter.driver != "scini")
            continue;
        // Without the GUID the adapter stays what it is, and no array will find it.
        const auto guid = understood(ask(commands::module_parameters(adapter.driver), limits), inventory::sdc_guid);
        if (guid && !guid->empty())
            adapter.uid = *guid;
    }
    return list;
}

Result<std::vector<Device>> Tools::devices(const RunLimits& limits) const
{
    return understood(ask(commands::devices(), limits), inventory::devices);
}

Result<std::optional<Device>> Tools::device(const std::string& naa, const RunLimits& limits) const
{
    if (!is_plain_name(naa))
        return bad_name("a device", naa);
    auto found = understood(ask(commands::device(naa), limits), inventory::devices);
    if (!found && found.error().code == Errc::not_found)
        return std::optional<Device>{};
    if (!found)
        return found.error();
    for (auto& device : *found)
        if (device.name == inventory::device_name(naa))
            return std::optional<Device>(std::move(device));
    return std::optional<Device>{};
}

Result<std::vector<DevicePath>> Tools::paths_of(const std::string& naa, const RunLimits& limits) const
{
    if (!is_plain_name(naa))
        return bad_name("a device", naa);
    auto found = understood(ask(commands::paths_of(naa), limits), inventory::paths);
    if (!found)
        return found.error();
    return std::move((*found)[inventory::device_name(naa)]);
}

Result<std::map<std::string, std::vector<DevicePath>>> Tools::all_paths(const RunLimits& limits) const
{
    return understood(ask(commands::paths(), limits), inventory::paths);
}

Result<VaaiStatus> Tools::vaai_status(const std::string& naa, const RunLimits& limits) const
{
    if (!is_plain_name(naa))
        return bad_name("a device", naa);
    auto found = understood(ask(commands::vaai_of(naa), limits), inventory::vaai);
    if (!found)
        return found.error();
    const auto named = found->find(inventory::device_name(naa));
    if (named != found->end())
        return named->second;
    const auto unnamed = found->find(""); // a single structure may leave out whose it is
    if (unnamed != found->end() && found->size() == 1)
        return unnamed->second;
    return Error{Errc::not_found, fmt::format("esxcli gives no VAAI status for {}", naa), "", "no_such_device"};
}

Result<std::map<std::string, VaaiStatus>> Tools::all_vaai_status(const RunLimits& limits) const
{
    return understood(ask(commands::vaai(), limits), inventory::vaai);
}

Result<std::vector<VmfsExtent>> Tools::vmfs_extents(const RunLimits& limits) const
{
    return understood(ask(commands::vmfs_extents(), limits), inventory::extents);
}

Result<std::vector<Datastore>> Tools::filesystems(const RunLimits& limits) const
{
    return understood(ask(commands::filesystems(), limits), inventory::filesystems);
}

Result<std::vector<std::string>> Tools::detached_devices(const RunLimits& limits) const
{
    auto answer = ask(commands::detached(), limits);
    if (answer && is_blank(*answer)) // the usual case; here, unlike with extents, reading too little is harmless
        return std::vector<std::string>{};
    return understood(answer, inventory::detached);
}

Result<void> Tools::rescan(const std::string& adapter, RescanKind kind, const RunLimits& limits) const
{
    if (!is_plain_name(adapter))
        return bad_name("an adapter", adapter);
    return order(commands::rescan(adapter, kind), limits);
}

Result<void> Tools::set_device_state(const std::string& naa, bool on, const RunLimits& limits) const
{
    if (!is_plain_name(naa))
        return bad_name("a device", naa);
    return order(commands::set_device_state(naa, on), limits);
}

Result<void> Tools::forget_detached(const std::string& naa, const RunLimits& limits) const
{
    if (!is_plain_name(naa))
        return bad_name("a device", naa);
    auto forgotten = order(commands::forget_detached(naa), limits);
    if (forgotten || forgotten.error().code == Errc::not_found)
        return {};
    const auto listed = detached_devices(limits); // versions word it differently: the list decides
    const bool gone = listed && std::find(listed->begin(), listed->end(), inventory::device_name(naa)) == listed->end();
    if (gone)
        return {};
    return forgotten;
}

Result<DeviceCounters> Tools::counters(const std::string& naa, const RunLimits& limits) const
{
    return std::move(counters_of({naa}, limits).front());
}

std::vector<Result<DeviceCounters>> Tools::counters_of(const std::vector<std::string>& naas,
                                                       const RunLimits& limits) const
{
    std::vector<std::vector<std::string>> argvs;
    argvs.reserve(naas.size());
    for (const auto& naa : naas)
        argvs.push_back(commands::counters(paths_.vsish, is_plain_name(naa) ? naa : "unnamed"));
    std::vector<Result<DeviceCounters>> answers;
    for (const auto& finished : run_together(argvs, limits)) {
        if (!finished)
            answers.emplace_back(finished.error());
        else if (finished->exit_status != 0)
            answers.emplace_back(esxcli_error("vsish", *finished));
        else
            answers.push_back(parse_vsish_counters(finished->out));
    }
    return answers;
}

Result<std::vector<std::string>> Tools::vmkfstools_running(const OwnWords& own, const RunLimits& limits) const
{
    const auto listing = said_by({paths_.ps, "-c"}, limits);
    if (!listing)
        return listing.error();
    return vmkfstools_in(*listing, own);
}

} // namespace xcopy
