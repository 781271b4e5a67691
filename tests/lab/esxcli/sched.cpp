// sched group *: the host's resource groups, of localcli's internal plug-ins
#include "tests/lab/esxcli/command.hpp"

#include <fmt/format.h>

namespace lab {

namespace {

constexpr const char* agent_group = "host/vim/vimuser/xcopyagent";

Output list_groups(HostState&, const Arguments& arguments)
{
    const auto path = arguments.get("group-path", agent_group);
    if (path != agent_group)
        return Output::failure(fmt::format("Unable to find group {}", path));
    return {.shape = Shape::structure,
            .type = "Group",
            .records = {{{{"Name", "xcopyagent"},
                          {"Group Path", path},
                          {"Group ID", std::int64_t{4711}},
                          {"Memory Min", std::int64_t{0}},
                          {"Memory Max", std::int64_t{1024}},
                          {"Memory Min Limit", std::int64_t{-1}},
                          {"Memory Units", "mb"}}}}};
}

} // namespace

std::vector<Command> sched_commands()
{
    return {{"sched group list", {{"g", "group-path"}}, list_groups}};
}

} // namespace lab
