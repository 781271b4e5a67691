#include "coordinator/kube/access.hpp"

#include "coordinator/kube/status.hpp"
#include "coordinator/kube/text_file.hpp"

#include <fmt/format.h>

#include <mutex>

namespace xcopy::kube {

namespace {

std::string value_of(const std::map<std::string, std::string>& environment, const std::string& name)
{
    const auto found = environment.find(name);
    return found == environment.end() ? std::string() : found->second;
}

rest::Pass bearer(const Secret& token)
{
    return {{{"Authorization", "Bearer " + token.reveal()}, {"Accept", "application/json"}}, 0};
}

class Nobody final : public rest::SignIn { // a client certificate says who we are, or nothing does
public:
    Result<rest::Pass> pass(const Call&, const rest::Send&) override
    {
        return rest::Pass{{{"Accept", "application/json"}}, 0};
    }
    std::vector<Secret> secrets() const override { return {}; }
};

class FixedToken final : public rest::SignIn {
public:
    explicit FixedToken(Secret token) : token_(std::move(token)) {}

    Result<rest::Pass> pass(const Call&, const rest::Send&) override { return bearer(token_); }
    std::vector<Secret> secrets() const override { return {token_}; }

private:
    Secret token_;
};

// The kubelet puts a new token into the file when four fifths of the old one's life are over.
class TokenFile final : public rest::SignIn {
public:
    explicit TokenFile(std::filesystem::path file) : file_(std::move(file)) {}

    Result<rest::Pass> pass(const Call&, const rest::Send&) override
    {
        auto text = read_text(file_);
        const std::lock_guard lock(mutex_);
        if (text && !trimmed(*text).empty())
            token_ = Secret(std::string(trimmed(*text)));
        if (token_.empty()) // where a file that was good is being replaced, the token we have may still serve
            return text ? Error{Errc::denied, fmt::format("{} holds no token", file_.string()),
                                "is the service account's token mounted into the pod?", "kube_no_token"}
                        : text.error();
        return bearer(token_);
    }

    bool has_lapsed(const rest::Reply& reply) const override { return reply.status == 401; }
    std::vector<Secret> secrets() const override
    {
        const std::lock_guard lock(mutex_);
        return {token_};
    }

private:
    const std::filesystem::path file_;
    mutable std::mutex mutex_;
    Secret token_;
};

} // namespace

bool is_in_cluster(const std::map<std::string, std::string>& environment)
{
    return !value_of(environment, "KUBERNETES_SERVICE_HOST").empty() &&
           !value_of(environment, "KUBERNETES_SERVICE_PORT").empty();
}

Result<Access> in_cluster(const std::map<std::string, std::string>& environment, const std::filesystem::path& folder)
{
    const auto host = value_of(environment, "KUBERNETES_SERVICE_HOST");
    const auto port = value_of(environment, "KUBERNETES_SERVICE_PORT");
    if (host.empty() || port.empty())
        return Error{Errc::bad_request, "KUBERNETES_SERVICE_HOST and _PORT are not set, so this is not a pod",
                     "give --kubeconfig", "kube_no_cluster"};
    Access access;
    const bool ipv6 = host.find(':') != std::string::npos && !host.starts_with('[');
    access.server = ipv6 ? fmt::format("https://[{}]:{}", host, port) : fmt::format("https://{}:{}", host, port);
    access.token_file = folder / "token";
    access.tls.ca_file = folder / "ca.crt";
    for (const auto& file : {access.token_file, std::filesystem::path(access.tls.ca_file)})
        if (auto text = read_text(file); !text)
            return Error{Errc::denied, text.error().message,
                         "does the pod have a service account, and is its token mounted "
                         "(automountServiceAccountToken)?",
                         "kube_no_token"};
    if (const auto text = read_text(folder / "namespace"))
        access.name_space = trimmed(*text);
    return access;
}

std::unique_ptr<rest::SignIn> sign_in(const Access& access)
{
    if (!access.token.empty())
        return std::make_unique<FixedToken>(access.token);
    if (!access.token_file.empty())
        return std::make_unique<TokenFile>(access.token_file);
    return std::make_unique<Nobody>();
}

std::unique_ptr<rest::Api> connect(const Access& access, rest::Transport& transport, rest::Clock& clock)
{
    rest::ApiRules rules;
    rules.array = "Kubernetes at " + access.server.substr(std::string_view("https://").size());
    rules.base_url = access.server;
    rules.tls = access.tls;
    rules.retry.also = asks_for_patience;
    rules.request_limit = std::chrono::seconds(15);
    rules.decode_error = decode_status;
    rules.usual_remedy = usual_remedy;
    return std::make_unique<rest::Api>(transport, std::move(rules), sign_in(access), clock);
}

} // namespace xcopy::kube
