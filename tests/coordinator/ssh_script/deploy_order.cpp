#include "tests/coordinator/ssh_script/deploy_order.hpp"

#include "coordinator/vsphere/vcenter.hpp"

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
    vsphere::DatastoreView datastore{
        .ref = {}, .name = order.at("datastore"), .type = "VMFS", .uuid = {}, .devices = {}};
    if (order.at("vcenter").is_null())
        return deploy_script(call, host, nullptr, datastore, log);
    const auto transport = rest::curl_transport();
    vsphere::Session vcenter(*transport,
                             {.url = order.at("vcenter").at("url"),
                              .user = order.at("vcenter").at("user"),
                              .password = Secret(order.at("vcenter").at("password").get<std::string>()),
                              .tls = {.ca_file = order.at("vcenter").at("ca")}},
                             log);
    datastore.ref = {"Datastore", order.at("vcenter").at("datastore")};
    return deploy_script(call, host, &vcenter, datastore, log);
}

} // namespace xcopy::ssh_script
