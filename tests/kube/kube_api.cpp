#include "tests/kube/kube_api.hpp"

#include <fmt/format.h>

#include <arpa/inet.h>
#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <netinet/in.h>
#include <random>
#include <stdexcept>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>

namespace kube_test {

namespace {

namespace fs = std::filesystem;
using xcopy::rest::Method;
using namespace std::chrono_literals;

constexpr auto start_limit = 120s; // two loaded cores

// Neither server takes port 0. A port that was free a moment ago is tried, and another one where somebody was faster.
int free_port()
{
    const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    const bool bound = fd >= 0 && ::bind(fd, reinterpret_cast<sockaddr*>(&address), size) == 0 &&
                       ::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) == 0;
    if (fd >= 0)
        ::close(fd);
    if (!bound)
        throw std::runtime_error("no free port on the loopback address");
    return ntohs(address.sin_port);
}

std::string text_of(const fs::path& file)
{
    std::ifstream in(file, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
}

void write_secret(const fs::path& file, const std::string& text)
{
    std::ofstream(file) << text;
    fs::permissions(file, fs::perms::owner_read | fs::perms::owner_write);
}

std::string random_token()
{
    std::random_device random;
    return fmt::format("{:08x}{:08x}{:08x}{:08x}", random(), random(), random(), random());
}

std::map<std::string, std::string> environment()
{
    std::map<std::string, std::string> all;
    for (const char* name : {"PATH", "HOME", "XDG_CACHE_HOME", "GOPROXY", "GOSUMDB", "HTTPS_PROXY", "https_proxy",
                             "NO_PROXY", "SSL_CERT_FILE", "GO_BUILD_JOBS"})
        if (const char* value = std::getenv(name))
            all[name] = value;
    return all;
}

std::string last_words(const fs::path& folder, int pid)
{
    std::string all;
    for (const auto& entry : fs::directory_iterator(folder))
        if (entry.path().extension() == ".err") {
            auto text = text_of(entry.path());
            all += fmt::format("--- {}\n{}\n", entry.path().filename().string(),
                               text.substr(text.size() > 3000 ? text.size() - 3000 : 0));
        }
    return fmt::format("process {}:\n{}", pid, all);
}

} // namespace

fs::path built_program(const std::string& folder, const std::string& package)
{
    const auto ran = e2e::run({XCOPY_GO_BUILD, folder, package}, environment(), fs::temp_directory_path());
    if (ran.exit != 0)
        throw std::runtime_error(fmt::format("cannot build {} in {}: {}", package, folder, ran.err));
    return ran.out.substr(0, ran.out.find('\n'));
}

KubeApi& KubeApi::shared()
{
    static KubeApi one;
    return one;
}

KubeApi::KubeApi()
{
    std::string pattern = (fs::temp_directory_path() / "xcopy-kube-XXXXXX").string();
    if (::mkdtemp(pattern.data()) == nullptr)
        throw std::runtime_error("mkdtemp");
    folder_ = pattern;
    pki_ = std::make_unique<lab::Pki>(folder_ / "pki");
    identity_ = pki_->issue({.name = "kube-apiserver", .sans = {"IP:127.0.0.1", "DNS:localhost"}});
    accounts_ = pki_->issue({.name = "service-accounts", .sans = {}});
    wire_ = xcopy::rest::curl_transport();
    admin_token_ = random_token();
    write_secret(folder_ / "tokens.csv", fmt::format("{},admin,admin,system:masters\n", admin_token_));
    start_etcd();
    start_server();
}

KubeApi::~KubeApi()
{
    server_.reset();
    etcd_.reset();
    std::error_code ignored;
    fs::remove_all(folder_, ignored);
}

std::string KubeApi::url() const
{
    return fmt::format("https://127.0.0.1:{}", port_);
}

fs::path KubeApi::ca_file()
{
    return pki_->ca_file();
}

lab::CertificateFiles KubeApi::client_certificate(const std::string& user)
{
    return pki_->issue({.name = user, .sans = {}, .usage = lab::CertificateUsage::client});
}

void KubeApi::start_etcd()
{
    const auto program = built_program(XCOPY_KUBE_SERVER_FOLDER, "./etcd");
    etcd_url_ = fmt::format("http://127.0.0.1:{}", free_port());
    const auto peers = fmt::format("http://127.0.0.1:{}", free_port());
    etcd_ = std::make_unique<e2e::Process>(
        std::vector<std::string>{program, "--name=test", fmt::format("--data-dir={}", (folder_ / "etcd").string()),
                                 "--listen-client-urls=" + etcd_url_, "--advertise-client-urls=" + etcd_url_,
                                 "--listen-peer-urls=" + peers, "--initial-advertise-peer-urls=" + peers,
                                 "--initial-cluster=test=" + peers, "--unsafe-no-fsync", "--log-level=warn"},
        environment(), folder_);
    etcd_->go();
}

void KubeApi::start_server()
{
    const auto program = built_program(XCOPY_KUBE_SERVER_FOLDER, "k8s.io/kubernetes/cmd/kube-apiserver");
    if (port_ == 0)
        port_ = free_port();
    const auto flag = [](const char* name, const fs::path& file) {
        return fmt::format("--{}={}", name, file.string());
    };
    server_ = std::make_unique<e2e::Process>(
        std::vector<std::string>{
            program, "--etcd-servers=" + etcd_url_, "--bind-address=127.0.0.1", "--advertise-address=127.0.0.1",
            "--endpoint-reconciler-type=none", fmt::format("--secure-port={}", port_),
            flag("cert-dir", folder_ / "unused"), flag("tls-cert-file", identity_.cert_file),
            flag("tls-private-key-file", identity_.key_file), flag("client-ca-file", pki_->ca_file()),
            flag("token-auth-file", folder_ / "tokens.csv"), flag("service-account-key-file", accounts_.cert_file),
            flag("service-account-signing-key-file", accounts_.key_file),
            "--service-account-issuer=https://kubernetes.default.svc", "--service-cluster-ip-range=10.0.0.0/24",
            "--authorization-mode=RBAC",
            // finalizers of claims are the business of controllers that are not here
            "--disable-admission-plugins=StorageObjectInUseProtection"},
        environment(), folder_);
    server_->go();
    wait_until_ready();
}

void KubeApi::stop_server()
{
    server_.reset();
}

void KubeApi::wait_until_ready()
{
    const auto give_up = std::chrono::steady_clock::now() + start_limit;
    for (;;) {
        const auto reply =
            wire_->send(xcopy::Call{}.within(2s),
                        {.url = url() + "/readyz", .headers = {{"Authorization", "Bearer " + admin_token_}}},
                        {.ca_file = ca_file().string()});
        if (reply && reply->status == 200)
            return;
        if (std::chrono::steady_clock::now() > give_up || server_->has_ended())
            throw std::runtime_error("kube-apiserver is not ready; " + last_words(folder_, server_->pid()));
        std::this_thread::sleep_for(50ms); // nothing tells when it is
    }
}

Reply KubeApi::send(Method method, const std::string& path, const std::string& body,
                    const std::string& content_type) const
{
    xcopy::rest::Request request{
        .method = method, .url = url() + path, .headers = {{"Authorization", "Bearer " + admin_token_}}, .body = body};
    if (!body.empty())
        request.headers.push_back({"Content-Type", content_type});
    auto reply = wire_->send(xcopy::Call{}.within(30s), request, {.ca_file = pki_->ca_file().string()});
    if (!reply)
        throw std::runtime_error(fmt::format("{} {}: {}", name(method), path, reply.error().message));
    return {reply->status, Json::parse(reply->body, nullptr, false)};
}

Reply KubeApi::ask(Method method, const std::string& path, const Json& body) const
{
    return send(method, path, body.is_null() ? std::string() : body.dump(), "application/json");
}

namespace {

Json succeeded(const Reply& reply, const std::string& what)
{
    if (reply.status < 200 || reply.status > 299)
        throw std::runtime_error(fmt::format("{}: {} {}", what, reply.status, reply.body.dump()));
    return reply.body;
}

} // namespace

Json KubeApi::get(const std::string& path) const
{
    return succeeded(ask(Method::get, path), path);
}

Json KubeApi::create(const std::string& path, const Json& body) const
{
    return succeeded(ask(Method::post, path, body), path);
}

Json KubeApi::merge(const std::string& path, const Json& changes) const
{
    return succeeded(patch(path, changes), path);
}

Reply KubeApi::patch(const std::string& path, const Json& changes) const
{
    return send(Method::patch, path, changes.dump(), "application/merge-patch+json");
}

void KubeApi::remove(const std::string& path) const
{
    succeeded(ask(Method::remove, path), path);
}

std::string KubeApi::make_namespace()
{
    auto name = fmt::format("test-{}", ++namespaces_);
    create("/api/v1/namespaces", {{"metadata", {{"name", name}}}});
    return name;
}

std::string KubeApi::token(const std::string& name_space, const std::string& service_account) const
{
    const auto reply =
        create(fmt::format("/api/v1/namespaces/{}/serviceaccounts/{}/token", name_space, service_account),
               {{"spec", {{"expirationSeconds", 3600}}}});
    return reply.at("status").at("token");
}

fs::path KubeApi::kubeconfig(const std::string& name_space, const std::string& account)
{
    const auto file = folder_ / fmt::format("kubeconfig-{}-{}", name_space, account);
    write_secret(file, fmt::format("apiVersion: v1\nkind: Config\ncurrent-context: t\n"
                                   "contexts: [{{name: t, context: {{cluster: t, user: t, namespace: {}}}}}]\n"
                                   "clusters: [{{name: t, cluster: {{server: '{}', certificate-authority: '{}'}}}}]\n"
                                   "users: [{{name: t, user: {{token: {}}}}}]\n",
                                   name_space.empty() ? "default" : name_space, url(), ca_file().string(),
                                   account.empty() ? admin_token_ : token(name_space, account)));
    return file;
}

} // namespace kube_test
