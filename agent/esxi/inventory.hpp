// From esxcli's records to the words of the protocol. Pure. A record that lacks the name it is about is an error, never
// skipped: a datastore's extent that goes unseen could be overwritten.
#pragma once

#include "agent/esxi/esxcli_xml.hpp"
#include "agent/esxi/tools.hpp"

#include <map>
#include <string>
#include <vector>

namespace xcopy::inventory {

// The one spelling names are compared in: lower case for naa. and eui., as it came for mpx., t10. and others.
std::string device_name(const std::string& text);

Result<HostVersion> version(const EsxcliReply&);
Result<std::string> host_name(const EsxcliReply&);
// Of the VMkernel interfaces, either family; without those that only mean something on their own link.
std::vector<std::string> addresses(const EsxcliReply&);
Result<AdvancedOption> advanced_option(const std::string& path, const EsxcliReply&);
Result<std::vector<Adapter>> adapters(const EsxcliReply&);

// The SDC's GUID among the parameters of PowerFlex's kernel module scini (IoctlIniGuidStr), in lower case; empty where it
// is not set. That is how PowerFlex knows a host: its adapter has no name on a SAN (facts/arrays/powerflex.md 5).
Result<std::string> sdc_guid(const EsxcliReply&);
Result<std::vector<Device>> devices(const EsxcliReply&);
Result<std::map<std::string, std::vector<DevicePath>>> paths(const EsxcliReply&);
Result<std::map<std::string, VaaiStatus>> vaai(const EsxcliReply&);
Result<std::vector<VmfsExtent>> extents(const EsxcliReply&);
Result<std::vector<Datastore>> filesystems(const EsxcliReply&);
Result<std::vector<std::string>> detached(const EsxcliReply&);

} // namespace xcopy::inventory
