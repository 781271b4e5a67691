// Argument vectors for the host's tools. Pure; an argument is never more than one word, whatever blanks it holds.
#pragma once

#include "agent/esxi/job_dir.hpp"
#include "agent/esxi/tools.hpp"

#include <string>
#include <vector>

namespace xcopy::commands {

using Words = std::vector<std::string>;

// What follows `esxcli --formatter=xml`, or `localcli --formatter=xml`.
Words version();
Words host_uuid();
Words host_name();
Words ipv4_addresses();
Words ipv6_addresses();
Words advanced_option(const std::string& path);
Words adapters();
Words module_parameters(const std::string& module);
Words devices();
Words device(const std::string& name);
Words paths();
Words paths_of(const std::string& device);
Words vaai();
Words vaai_of(const std::string& device);
Words vmfs_extents();
Words filesystems();
Words detached();
Words rescan(const std::string& adapter, RescanKind kind);
Words set_device_state(const std::string& device, bool on);
Words forget_detached(const std::string& device);

// `program` is the path of esxcli or localcli.
Words with_xml(const std::string& program, const Words& words);

// Whether there is such a group. hostd may not be up, so localcli; the sched namespace is an internal plug-in of it.
Words memory_group(const std::string& localcli, const std::string& group);
Words counters(const std::string& vsish, const std::string& device);
Words clone(const std::string& vmkfstools, const JobOrder& order);
Words supervise(const std::string& agent, const std::string& job_dir, const ToolPaths& tools, int lock_fd);

} // namespace xcopy::commands
