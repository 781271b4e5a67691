// sched group *: the host's resource groups, of localcli's internal plug-ins
#include "tests/lab/esxcli/command.hpp"

#include <fmt/format.h>

namespace lab {

namespace {

constexpr const char* agent_group = "host/vim/vimuser/xcopyagent";

// A host that is not managed has the agent's group already.
bool has_group(const HostState& host, const std::string& path)
{
    return host.management ? host.management->groups.contains(path) : path == agent_group;
}

Output no_group(const std::string& path)
{
    return Output::failure(fmt::format("Unable to find group {}", path));
}

Output list_groups(HostState& host, const Arguments& arguments)
{
    const std::lock_guard lock(host.mutex);
    const auto path = arguments.get("group-path", agent_group);
    if (!has_group(host, path))
        return no_group(path);
    return {.shape = Shape::structure,
            .type = "Group",
            .records = {{{{"Name", path.substr(path.rfind('/') + 1)},
                          {"Group Path", path},
                          {"Group ID", std::int64_t{4711}},
                          {"Memory Min", std::int64_t{0}},
                          {"Memory Max", std::int64_t{1024}},
                          {"Memory Min Limit", std::int64_t{-1}},
                          {"Memory Units", "mb"}}}}};
}

Output add_group(HostState& host, const Arguments& arguments)
{
    const std::lock_guard lock(host.mutex);
    const auto path = arguments.get("parent-path") + "/" + arguments.get("group-name");
    if (!host.management || !host.management->groups.insert(path).second)
        return Output::failure(fmt::format("Group {} already exists", path));
    return {};
}

Output set_memory(HostState& host, const Arguments& arguments)
{
    const std::lock_guard lock(host.mutex);
    return has_group(host, arguments.get("group-path")) ? Output{} : no_group(arguments.get("group-path"));
}

Output delete_group(HostState& host, const Arguments& arguments)
{
    const std::lock_guard lock(host.mutex);
    const auto path = arguments.get("group-path");
    return host.management && host.management->groups.erase(path) > 0 ? Output{} : no_group(path);
}

} // namespace

std::vector<Command> sched_commands()
{
    return {{"sched group list", {{"g", "group-path"}}, list_groups},
            {"sched group add", {{"n", "group-name", true, true}, {"p", "parent-path", true, true}}, add_group},
            {"sched group setmemconfig",
             {{"g", "group-path", true, true}, {"", "min"}, {"", "max"}, {"", "minlimit"}, {"u", "units"}},
             set_memory},
            {"sched group delete", {{"g", "group-path", true, true}}, delete_group}};
}

} // namespace lab
