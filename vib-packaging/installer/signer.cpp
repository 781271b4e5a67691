#include "vib-packaging/installer/signer.hpp"

#include "agent/esxi/child.hpp"

#include <fmt/format.h>

#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <iterator>

namespace xcopy::installer {

namespace {

namespace fs = std::filesystem;
constexpr std::size_t longest_pem = std::size_t{64} << 10U;

// A folder of its own, gone when it goes out of scope.
struct Scratch {
    fs::path path{};

    Scratch()
    {
        std::string name = (fs::temp_directory_path() / "vib-installer-XXXXXX").string();
        if (::mkdtemp(name.data()))
            path = name;
    }
    Scratch(const Scratch&) = delete;
    Scratch& operator=(const Scratch&) = delete;
    ~Scratch()
    {
        std::error_code ignored;
        if (!path.empty())
            fs::remove_all(path, ignored);
    }
};

bool ends_soon(const fs::path& certificate)
{
    constexpr std::time_t soon_s = 7 * 24 * 3600;
    std::ifstream file(certificate);
    const auto all = pki::certificates_from_pem(std::string(std::istreambuf_iterator<char>(file), {}));
    return all && !all->empty() && pki::about(all->front().get()).not_after_s - std::time(nullptr) < soon_s;
}

} // namespace

Result<std::string> CommandSigner::sign(const Call& /*call*/, const SigningRequest& request)
{
    const Scratch scratch;
    const auto file = scratch.path / "request.csr";
    if (scratch.path.empty() || !(std::ofstream(file) << request.csr).flush())
        return Error{Errc::failed, "cannot write the certificate request to a temporary file"};
    auto done = run({command_, request.uuid, file.string()}, {.time = std::chrono::seconds(60)});
    if (!done)
        return done.error().in("sign");
    if (done->exit_status != 0)
        return Error{
            Errc::failed,
            fmt::format("sign: {} refused the request of {}: {}", command_, request.name, done->err.substr(0, 300)),
            "try it by hand: PROGRAM UUID REQUEST-FILE", "not_signed"};
    std::ifstream ca(ca_file_);
    std::string chain = done->out + std::string(std::istreambuf_iterator<char>(ca), {});
    if (chain.size() > longest_pem || done->out.find("BEGIN CERTIFICATE") == std::string::npos)
        return Error{Errc::failed, fmt::format("sign: {} printed no certificate", command_),
                     "it must print PEM on standard output", "not_signed"};
    return chain;
}

Result<std::string> CaSigner::sign(const Call& /*call*/, const SigningRequest& request)
{
    // We are signed in as root of this very host and know its UUID from there, so its own word for its names will do.
    auto made = authority_.issue_host({.request = request.csr, .uuid = request.uuid, .accept_names = true});
    if (!made)
        return made.error().in("sign");
    return made->certificate + made->authority;
}

Result<AgentTls> client_of(const ca::Authority& authority, ca::Role role)
{
    const auto* const us = role == ca::Role::observer ? "vib-installer" : "vib-installer-operator";
    auto files = authority.client(us);
    if (!files && (files.error().code == Errc::not_found || files.error().code == Errc::conflict))
        files = authority.issue_client({.name = us, .role = role});
    else if (files && ends_soon(files->certificate))
        files = authority.renew_client(us, ca::ClientOrder{}.days);
    if (!files)
        return files.error();
    return AgentTls{
        .ca_file = authority.directory() / "ca.crt", .cert_file = files->certificate, .key_file = files->key};
}

} // namespace xcopy::installer
