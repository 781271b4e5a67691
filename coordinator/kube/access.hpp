// Where a cluster's API server is and how we prove who we are: from within a pod, or from a kubeconfig.
#pragma once

#include "protocol/error.hpp"
#include "vendors/rest/api.hpp"
#include "vendors/rest/transport.hpp"
#include "vendors/secret.hpp"

#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <string_view>

namespace xcopy::kube {

struct Access {
    std::string server;     // https://name:port, perhaps with a path; without a slash at the end
    std::string name_space; // the one that is meant where none is named
    rest::Tls tls{};
    Secret token{};
    std::filesystem::path token_file{}; // read again for every request, for tokens are replaced before they expire
};

constexpr const char* service_account_folder = "/var/run/secrets/kubernetes.io/serviceaccount";

bool is_in_cluster(const std::map<std::string, std::string>& environment);
Result<Access> in_cluster(const std::map<std::string, std::string>& environment,
                          const std::filesystem::path& folder = service_account_folder);

// The current context. Relative paths in it are relative to `folder`.
Result<Access> parse_kubeconfig(std::string_view text, const std::filesystem::path& folder);
Result<Access> read_kubeconfig(const std::filesystem::path& file);

std::unique_ptr<rest::SignIn> sign_in(const Access&);

std::unique_ptr<rest::Api> connect(const Access&, rest::Transport&, rest::Clock& = rest::real_clock());

} // namespace xcopy::kube
