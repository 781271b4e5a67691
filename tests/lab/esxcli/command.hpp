// The esxcli command tree: which words lead to which function, and which options each takes.
#pragma once

#include "tests/lab/esxcli/output.hpp"
#include "tests/lab/host/host_state.hpp"

#include <map>
#include <span>
#include <string>
#include <vector>

namespace lab {

struct OptionSpec {
    std::string shortname; // "d"
    std::string longname;  // "device"
    bool value = true;
    bool required = false;
};

class Arguments {
public:
    void set(const std::string& longname, std::string value) { values_[longname] = std::move(value); }
    bool has(const std::string& longname) const { return values_.contains(longname); }
    std::string get(const std::string& longname, std::string otherwise = "") const
    {
        const auto found = values_.find(longname);
        return found == values_.end() ? otherwise : found->second;
    }

private:
    std::map<std::string, std::string> values_;
};

struct Command {
    std::string path; // "storage core adapter rescan"
    std::vector<OptionSpec> options;
    Output (*run)(HostState&, const Arguments&);
};

// One function per file of commands; `commands.cpp` lists them all.
std::vector<Command> system_commands();
std::vector<Command> device_commands();
std::vector<Command> adapter_commands();
std::vector<Command> path_commands();
std::vector<Command> filesystem_commands();
std::vector<Command> iscsi_commands();
std::vector<Command> software_commands();
std::vector<Command> network_commands();
std::vector<Command> sched_commands(); // localcli only

// argv[0] is the program: esxcli, or localcli.
ToolResult run_esxcli(HostState&, std::span<const std::string> argv);

} // namespace lab
