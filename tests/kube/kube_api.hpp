// A real kube-apiserver on a real etcd, on loopback ports of its own, without nodes or controllers. Tests talk to it as
// its administrator; the product talks to it as the service account that Forklift makes for its pods.
#pragma once

#include "tests/end_to_end/process.hpp"
#include "tests/lab/pki.hpp"
#include "vendors/rest/transport.hpp"

#include <nlohmann/json.hpp>

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

namespace kube_test {

using Json = nlohmann::json;

struct Reply {
    int status = 0;
    Json body;
};

// Where a program in Go is, which is built where that was never done. Throws with what the compiler wrote.
std::filesystem::path built_program(const std::string& folder, const std::string& package);

// Throws std::runtime_error with what the servers wrote when something that every test needs does not work.
class KubeApi {
public:
    KubeApi(); // builds the programs where that was never done (minutes), and waits until they are ready
    ~KubeApi();
    KubeApi(const KubeApi&) = delete;
    KubeApi& operator=(const KubeApi&) = delete;

    static KubeApi& shared(); // one for the whole test program

    std::string url() const;
    std::filesystem::path ca_file();
    std::filesystem::path folder() const { return folder_; } // for the test's own files; goes with the servers
    lab::CertificateFiles client_certificate(const std::string& user);

    Reply ask(xcopy::rest::Method method, const std::string& path, const Json& body = nullptr) const;
    Json get(const std::string& path) const; // must succeed, like those below
    Json create(const std::string& path, const Json& body) const;
    Json merge(const std::string& path, const Json& changes) const;  // JSON merge patch
    Reply patch(const std::string& path, const Json& changes) const; // the same, whatever is answered
    void remove(const std::string& path) const;

    std::string make_namespace(); // a name that no other test has
    std::string token(const std::string& name_space, const std::string& service_account) const;
    std::filesystem::path kubeconfig(const std::string& name_space = {},
                                     const std::string& account = {}); // without one: its administrator's

    void stop_server();  // etcd stays
    void start_server(); // it lives as long as the thread that calls this

private:
    void start_etcd();
    void wait_until_ready();
    Reply send(xcopy::rest::Method method, const std::string& path, const std::string& body,
               const std::string& content_type) const;

    std::filesystem::path folder_;
    std::unique_ptr<lab::Pki> pki_;
    std::unique_ptr<xcopy::rest::Transport> wire_;
    std::unique_ptr<e2e::Process> etcd_;
    std::unique_ptr<e2e::Process> server_;
    lab::CertificateFiles identity_;
    lab::CertificateFiles accounts_; // what signs their tokens
    std::string admin_token_;
    std::string etcd_url_;
    int port_ = 0;
    int namespaces_ = 0;
};

} // namespace kube_test
