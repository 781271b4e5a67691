#include "tests/bench/host_client.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <utility>

namespace bench {

using nlohmann::json;

namespace {

constexpr const char* adapter = "vmhba64";

lab::LabOptions one_host(const Build& build, json agent_config)
{
    json scenario{{"hosts", {{{"name", "esx1"}, {"agent_config", std::move(agent_config)}}}},
                  {"datastores", {{{"name", "datastore1"}, {"array", "ontap-a"}}}},
                  {"arrays", {{{"name", "ontap-a"}, {"kind", "ontap"}}}}};
    return {.scenario = std::move(scenario), .agent = build.programs.agent, .program = build.programs.lab};
}

} // namespace

HostClient::HostClient(const xcopy::AgentAddress& address, const xcopy::AgentTls& tls)
    : transport(xcopy::rest::curl_transport()), host(address, tls, *transport)
{}

HostClient::HostClient(const lab::Lab& lab, const std::string& host_name)
    : HostClient({.name = host_name,
                  .address = lab.ready().at("hosts").at(host_name).at("address"),
                  .uuid = lab.host_uuid(host_name)},
                 {.ca_file = lab.ca(), .cert_file = lab.operator_cert(), .key_file = lab.operator_key()})
{}

OneHost::OneHost(const Build& build, std::uint64_t disk_bytes, json agent_config)
    : lab(one_host(build, std::move(agent_config))), client(lab, "esx1"), disk_bytes_(disk_bytes)
{
    lab.create_disk("datastore1", "vm/disk.vmdk", disk_bytes_);
}

std::string OneHost::add_target()
{
    const auto number = ++targets_;
    auto naa = fmt::format("naa.600a0980383030{:018x}", number);
    lab.add_volume(naa, disk_bytes_);
    lab.present(naa, "esx1", adapter, number);
    return naa;
}

void OneHost::attach(const std::string& naa, const std::string& job)
{
    must(client.host.attach({}, naa, {.job = job, .expected_size = disk_bytes_, .adapters = {adapter}}));
}

void OneHost::detach(const std::string& naa, const std::string& job)
{
    must(client.host.detach({}, naa, job));
}

xcopy::CloneRequest OneHost::order_for(const std::string& naa) const
{
    return {.source = "[datastore1] vm/disk.vmdk", .target_naa = naa, .target_size = disk_bytes_};
}

xcopy::CloneStatus OneHost::watch_to_end(xcopy::CloneStatus status)
{
    while (!is_final(status.state))
        status = must(client.host.watch_clone({}, status.id, status.revision, std::chrono::seconds(20)));
    if (status.state != xcopy::CloneState::succeeded)
        throw std::runtime_error(
            fmt::format("clone {}: {}", status.id, status.error ? status.error->message : "did not succeed"));
    return status;
}

} // namespace bench
