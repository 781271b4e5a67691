#include "tests/coordinator/ssh_script/deploy_order.hpp"

#include "coordinator/vsphere/named_datastore.hpp"

#include <fstream>
#include <iterator>

namespace xcopy::ssh_script {

Result<DeployedScript> deploy(const Call& call, const nlohmann::json& order, Log& log)
{
    std::ifstream key(order.at("key").get<std::string>());
    HostKeys keys;
    SshSession session({.name = "esx1", .address = order.at("host"), .port = order.at("port").get<std::uint16_t>()},
                       {.private_key = Secret(std::string(std::istreambuf_iterator<char>(key), {}))}, keys);
    SshHost host(session, {.datastore = order.at("place")});
    if (order.at("vcenter").is_null())
        return deploy_script(call, host, {}, log);
    const auto& vcenter = order.at("vcenter");
    VsphereOptions options;
    options.hostname = vcenter.at("url");
    options.username = vcenter.at("user");
    options.password = Secret(vcenter.at("password").get<std::string>());
    options.ca_file = vcenter.at("ca");
    const auto transport = rest::curl_transport();
    NamedDatastore datastore(options, *transport, log, order.at("place"));
    return deploy_script(
        call, host, [&](const Call& asking) { return datastore.open(asking); }, log);
}

} // namespace xcopy::ssh_script
