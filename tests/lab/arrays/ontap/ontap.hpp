// A simulated NetApp ONTAP cluster. The control verbs are listed in README.md of tests/lab/arrays.
#pragma once

#include "tests/lab/arrays/arrays.hpp"
#include "tests/lab/arrays/http_message.hpp"
#include "tests/lab/arrays/https_server.hpp"
#include "tests/lab/arrays/ontap/api.hpp"

#include <memory>
#include <mutex>
#include <string>

namespace lab::ontap {

class Ontap final : public ArraySim {
public:
    Ontap(const nlohmann::json& config, Fabric&, Events&, Pki&); // throws std::runtime_error

    const std::string& name() const override { return name_; }
    std::string url() const override { return server_->url(); }
    nlohmann::json handle_control(const nlohmann::json& order) override;

    Response handle(const Request&); // as the server calls it, for tests without a socket

private:
    nlohmann::json obey(const nlohmann::json& order);
    nlohmann::json create_lun(const nlohmann::json& order);
    nlohmann::json delete_lun(const nlohmann::json& order);
    nlohmann::json create_igroup(const nlohmann::json& order);
    nlohmann::json map(const nlohmann::json& order);
    nlohmann::json unmap(const nlohmann::json& order);
    nlohmann::json dump() const;
    nlohmann::json describe(const Lun&) const;
    const std::string& svm_in(const nlohmann::json& order) const; // the first one unless it is named
    const Lun& lun_in(const nlohmann::json& order) const;         // "lun": its uuid, path or naa
    const Igroup* igroup_named(const std::string& svm, const std::string& name) const;

    const std::string name_;
    std::mutex mutex_; // of everything below but the server
    Switches switches_;
    State state_;
    Api api_;
    std::unique_ptr<HttpsServer> server_; // last: it stops before what it uses goes
};

} // namespace lab::ontap
