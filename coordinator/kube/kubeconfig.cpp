// The only file that includes yaml-cpp.
#include "coordinator/kube/access.hpp"
#include "coordinator/kube/text_file.hpp"
#include "vendors/rest/url.hpp"

#include <fmt/format.h>

#include <optional>
#include <yaml-cpp/yaml.h>

namespace xcopy::kube {

namespace {

Error bad(std::string message, std::string remedy = "check the file given with --kubeconfig")
{
    return {Errc::bad_request, std::move(message), std::move(remedy), "bad_kubeconfig"};
}

std::string text_at(const YAML::Node& node, const char* key)
{
    const auto value = node.IsMap() ? node[key] : YAML::Node(YAML::NodeType::Undefined);
    return value.IsDefined() && value.IsScalar() ? value.as<std::string>() : std::string();
}

// kubeconfig lists are [{name: x, <kind>: {…}}]
YAML::Node named(const YAML::Node& all, const char* list, const std::string& name, const char* kind)
{
    const auto entries = all[list];
    if (entries.IsDefined() && entries.IsSequence())
        for (const auto& entry : entries)
            if (text_at(entry, "name") == name && entry[kind].IsDefined() && entry[kind].IsMap())
                return entry[kind];
    return YAML::Node(YAML::NodeType::Undefined);
}

std::string path_in(const std::filesystem::path& folder, const std::string& name)
{
    return name.empty() ? name : (folder / name).string(); // an absolute name stays what it is
}

// The text under `<key>-data` in base64, else the file under `key`.
Result<void> take(const YAML::Node& node, const std::string& key, const std::filesystem::path& folder,
                  std::string& text, std::string& file)
{
    const auto data = text_at(node, (key + "-data").c_str());
    if (data.empty()) {
        file = path_in(folder, text_at(node, key.c_str()));
        return {};
    }
    auto decoded = rest::from_base64(data);
    if (!decoded)
        return bad(key + "-data is not base64");
    text = std::move(*decoded);
    return {};
}

Result<void> take_cluster(const YAML::Node& cluster, const std::filesystem::path& folder, Access& access)
{
    access.server = text_at(cluster, "server");
    while (access.server.ends_with('/'))
        access.server.pop_back();
    if (!access.server.starts_with("https://"))
        return bad(fmt::format("server '{}' is not an https address", access.server));
    if (!text_at(cluster, "proxy-url").empty())
        return bad("proxy-url is not supported", "use a kubeconfig that reaches the API server directly");
    if (!text_at(cluster, "tls-server-name").empty())
        return bad("tls-server-name is not supported", "use a server address that is in its certificate");
    access.tls.skip_verification = text_at(cluster, "insecure-skip-tls-verify") == "true";
    access.tls.skip_setting = "insecure-skip-tls-verify of the kubeconfig";
    return take(cluster, "certificate-authority", folder, access.tls.ca_pem, access.tls.ca_file);
}

Result<void> take_user(const YAML::Node& user, const std::filesystem::path& folder, Access& access)
{
    access.token = Secret(text_at(user, "token"));
    access.token_file = path_in(folder, text_at(user, "tokenFile"));
    std::string key;
    if (auto taken = take(user, "client-certificate", folder, access.tls.client_cert_pem, access.tls.client_cert_file);
        !taken)
        return taken;
    if (auto taken = take(user, "client-key", folder, key, access.tls.client_key_file); !taken)
        return taken;
    access.tls.client_key_pem = Secret(std::move(key));
    const bool certificate = !access.tls.client_cert_pem.empty() || !access.tls.client_cert_file.empty();
    if (!access.tls.client_cert_pem.empty() && access.tls.client_key_pem.empty()) {
        // certificate as text, key as file: both as text, for they go together
        auto text = read_text(access.tls.client_key_file);
        if (!text)
            return text.error();
        access.tls.client_key_pem = Secret(std::move(*text));
    }
    if (access.tls.client_cert_pem.empty() && !access.tls.client_key_pem.empty() && certificate) {
        auto text = read_text(access.tls.client_cert_file);
        if (!text)
            return text.error();
        access.tls.client_cert_pem = std::move(*text);
    }
    if (!access.token.empty() || !access.token_file.empty() || certificate)
        return {};
    constexpr auto remedy = "make a token for a service account (kubectl create token) and put it there as `token:`";
    for (const char* way : {"exec", "auth-provider", "username"})
        if (user.IsMap() && user[way].IsDefined())
            return bad(fmt::format("its user signs in by '{}', which is not supported", way), remedy);
    return bad("its user has neither token, tokenFile nor client-certificate", remedy);
}

Result<Access> read_document(const YAML::Node& all, const std::filesystem::path& folder)
{
    if (!all.IsMap())
        return bad("it is not a YAML map");
    const auto context_name = text_at(all, "current-context");
    if (context_name.empty())
        return bad("it has no current-context", "choose one with: kubectl config use-context NAME");
    const auto context = named(all, "contexts", context_name, "context");
    if (!context.IsDefined())
        return bad(fmt::format("it has no context '{}'", context_name));
    const auto cluster = named(all, "clusters", text_at(context, "cluster"), "cluster");
    if (!cluster.IsDefined())
        return bad(fmt::format("it has no cluster '{}'", text_at(context, "cluster")));
    const auto user = named(all, "users", text_at(context, "user"), "user");
    if (!user.IsDefined())
        return bad(fmt::format("it has no user '{}'", text_at(context, "user")));
    Access access;
    access.name_space = text_at(context, "namespace");
    if (auto taken = take_cluster(cluster, folder, access); !taken)
        return taken.error();
    if (auto taken = take_user(user, folder, access); !taken)
        return taken.error();
    return access;
}

} // namespace

Result<Access> parse_kubeconfig(std::string_view text, const std::filesystem::path& folder)
{
    try {
        return read_document(YAML::Load(std::string(text)), folder);
    } catch (const YAML::ParserException& problem) { // its place, but nothing of the text, which may hold secrets
        return bad(fmt::format("it is not YAML (line {})", problem.mark.line + 1));
    } catch (const YAML::Exception&) {
        return bad("it is not of the form of a kubeconfig");
    }
}

Result<Access> read_kubeconfig(const std::filesystem::path& file)
{
    auto text = read_text(file);
    if (!text)
        return text.error();
    auto access = parse_kubeconfig(*text, file.parent_path());
    if (!access)
        return access.error().in(file.string());
    return access;
}

} // namespace xcopy::kube
