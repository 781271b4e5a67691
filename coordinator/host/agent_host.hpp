// A host that runs xcopy-agent, reached over HTTPS (design 4).
#pragma once

#include "coordinator/host/host.hpp"
#include "protocol/routes.hpp"
#include "vendors/rest/transport.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace xcopy {

struct AgentAddress {
    std::string name;    // for people and for --migration-host
    std::string address; // host name or IP address; IPv6 without brackets
    std::uint16_t port = routes::default_port;
    std::string uuid{}; // when known, the agent must prove to be this very host, whatever its address
};

// "NAME=ADDRESS[:PORT]" or "ADDRESS[:PORT]"; IPv6 in brackets when a port follows.
Result<AgentAddress> parse_agent(std::string_view text);

// The coordinator's identity towards agents.
struct AgentTls {
    std::string ca_file;
    std::string cert_file;
    std::string key_file;
    std::string ca_pem{}; // the same as texts, as a pod's secret carries them; they go before the files
    std::string cert_pem{};
    Secret key_pem{};
};

class AgentHost final : public Host {
public:
    AgentHost(AgentAddress agent, const AgentTls& tls, rest::Transport& transport);

    std::string name() const override { return agent_.name; }

    Result<Health> health(const Call&, HealthAge) override;
    Result<std::vector<Adapter>> adapters(const Call&) override;
    Result<std::vector<Datastore>> datastores(const Call&) override;
    Result<Source> source(const Call&, const std::string& path) override;
    Result<Device> device(const Call&, const std::string& naa) override;
    Result<Device> attach(const Call&, const std::string& naa, const AttachRequest&) override;
    Result<void> detach(const Call&, const std::string& naa, const std::string& job) override;
    Result<void> rescan(const Call&, const RescanRequest&) override;
    Result<CloneStatus> start_clone(const Call&, const std::string& id, const CloneRequest&) override;
    Result<CloneStatus> watch_clone(const Call&, const std::string& id, std::uint64_t after,
                                    std::chrono::seconds wait) override;
    Result<CloneStatus> cancel_clone(const Call&, const std::string& id) override;
    Result<void> forget_clone(const Call&, const std::string& id) override;
    Result<std::vector<CloneStatus>> clones(const Call&) override;
    // No orders for a while, before its agent is replaced. Errc::unsupported from an agent that is too old for it.
    Result<DrainStatus> drain(const Call&, const DrainRequest&);

private:
    Result<std::string> ask(const Call&, rest::Method, const std::string& path, std::string body,
                            std::chrono::milliseconds limit);
    Error enrolled_or(const Call&, Error untrusted);
    template <class Message> Result<Message> ask_for(const Call&, rest::Method, const std::string& path,
                                                     std::string body, std::chrono::milliseconds limit);

    AgentAddress agent_;
    rest::Tls tls_;
    std::string base_; // https://address:port
    rest::Transport& transport_;
};

} // namespace xcopy
