#include "tests/coordinator/ssh/sshd.hpp"

#include <fmt/format.h>

#include <arpa/inet.h>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <netinet/in.h>
#include <poll.h>
#include <pwd.h>
#include <sstream>
#include <stdexcept>
#include <sys/socket.h>
#include <sys/stat.h>
#include <thread>
#include <unistd.h>

namespace xcopy::test {

namespace {

namespace fs = std::filesystem;

sockaddr_in loopback(std::uint16_t port)
{
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(port);
    return address;
}

bool answers(std::uint16_t port)
{
    const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const auto address = loopback(port);
    bool ok = ::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
    char first = 0;
    pollfd one{fd, POLLIN, 0};
    ok = ok && ::poll(&one, 1, 2000) == 1 && ::recv(fd, &first, 1, 0) == 1 && first == 'S';
    ::close(fd);
    return ok;
}

e2e::Ran run(const fs::path& folder, std::vector<std::string> argv)
{
    return e2e::run(std::move(argv), {{"PATH", "/usr/bin:/bin:/usr/sbin:/sbin"}, {"HOME", folder.string()}}, folder);
}

int parent_of(const fs::path& proc)
{
    const auto stat = contents_of(proc / "stat");
    const auto after_name = stat.rfind(')');
    if (after_name == std::string::npos)
        return -1;
    std::istringstream rest(stat.substr(after_name + 1));
    std::string state;
    int parent = -1;
    rest >> state >> parent;
    return parent;
}

std::vector<int> children_of(int pid)
{
    std::vector<int> found;
    for (const auto& entry : fs::directory_iterator("/proc")) {
        const auto name = entry.path().filename().string();
        if (name.find_first_not_of("0123456789") == std::string::npos && parent_of(entry.path()) == pid)
            found.push_back(std::stoi(name));
    }
    return found;
}

} // namespace

std::string contents_of(const fs::path& path)
{
    std::ostringstream text;
    text << std::ifstream(path, std::ios::binary).rdbuf(); // throws nothing where it is of a process that just ended
    return std::move(text).str();
}

fs::path new_folder(const std::string& stem)
{
    std::string name = (fs::temp_directory_path() / (stem + "-XXXXXX")).string();
    if (!::mkdtemp(name.data()))
        throw std::runtime_error("no temporary folder");
    return name;
}

std::uint16_t free_port()
{
    const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    auto address = loopback(0);
    socklen_t size = sizeof address;
    ::bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address);
    ::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size);
    ::close(fd);
    return ntohs(address.sin_port);
}

void short_wait()
{
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
}

std::vector<std::string> esxi67_sshd()
{
    return {"Ciphers aes256-gcm@openssh.com,aes128-gcm@openssh.com,aes256-ctr,aes192-ctr,aes128-ctr",
            "MACs hmac-sha2-256,hmac-sha2-512,hmac-sha1", "PasswordAuthentication no"};
}

std::vector<std::string> esxi8_sshd()
{
    return {"KexAlgorithms ecdh-sha2-nistp256,ecdh-sha2-nistp384,ecdh-sha2-nistp521,diffie-hellman-group16-sha512,"
            "diffie-hellman-group18-sha512",
            "Ciphers aes256-gcm@openssh.com,aes128-gcm@openssh.com,aes256-ctr,aes192-ctr,aes128-ctr",
            "MACs hmac-sha2-256,hmac-sha2-512",
            "HostKeyAlgorithms rsa-sha2-512,rsa-sha2-256,ecdsa-sha2-nistp256",
            "PubkeyAcceptedAlgorithms "
            "rsa-sha2-512,rsa-sha2-256,ecdsa-sha2-nistp256,ecdsa-sha2-nistp384,ecdsa-sha2-nistp521",
            "PasswordAuthentication no"};
}

Sshd::Sshd(SshdOptions options) : options_(std::move(options)), folder_(new_folder("xcopy-sshd"))
{
    if (::getuid() == 0)
        ::mkdir("/run/sshd", 0755); // sshd insists on it; an init system makes it otherwise
    new_host_keys();
    make_key("user", options_.user_key);
    const auto command = options_.forced_command.empty()
                             ? ""
                             : fmt::format("command=\"{}\",no-port-forwarding ", options_.forced_command);
    std::ofstream(folder_ / "authorized_keys") << command << contents_of(folder_ / "user.pub");
    for (int attempt = 0; attempt < 5; ++attempt) { // somebody else may have taken the port
        port_ = free_port();
        write_config();
        start();
        if (server_)
            return;
    }
    throw std::runtime_error("sshd does not start");
}

Sshd::~Sshd()
{
    cut_sessions();
    server_.reset();
    std::error_code ignored;
    fs::remove_all(folder_, ignored);
}

std::string Sshd::user() const
{
    return ::getpwuid(::getuid())->pw_name;
}
std::string Sshd::private_key() const
{
    return contents_of(folder_ / "user");
}

void Sshd::make_key(const std::string& name, const std::string& type) const
{
    fs::remove(folder_ / name);
    const bool pem = type.ends_with("-pem");
    std::vector<std::string> argv{"/usr/bin/ssh-keygen",          "-q", "-N",          "", "-t",
                                  type.substr(0, type.find('-')), "-f", folder_ / name};
    if (pem)
        argv.insert(argv.end(), {"-m", "PEM"});
    if (type.starts_with("rsa"))
        argv.insert(argv.end(), {"-b", "2048"});
    if (run(folder_, argv).exit != 0)
        throw std::runtime_error("ssh-keygen failed");
}

void Sshd::new_host_keys()
{
    std::istringstream types(options_.host_keys);
    for (std::string type; types >> type;)
        make_key("host_" + type, type);
}

void Sshd::write_config() const
{
    std::ofstream config(folder_ / "sshd_config");
    config << "Port " << port_ << "\nListenAddress 127.0.0.1\nPidFile none\nUsePAM no\nStrictModes no\n"
           << "PermitRootLogin yes\nLogLevel VERBOSE\nAuthorizedKeysFile " << (folder_ / "authorized_keys").string()
           << '\n';
    std::istringstream types(options_.host_keys);
    for (std::string type; types >> type;)
        config << "HostKey " << (folder_ / ("host_" + type)).string() << '\n';
    for (const auto& line : options_.lines)
        config << line << '\n';
}

void Sshd::start()
{
    auto server = std::make_unique<e2e::Process>(
        std::vector<std::string>{"/usr/sbin/sshd", "-D", "-e", "-f", folder_ / "sshd_config"},
        std::map<std::string, std::string>{{"PATH", "/usr/bin:/bin"}}, folder_);
    server->go();
    for (int i = 0; i < 1000; ++i) {
        if (answers(port_)) {
            server_ = std::move(server);
            return;
        }
        if (fs::path proc = fmt::format("/proc/{}", server->pid());
            contents_of(proc / "stat").find(") Z ") != std::string::npos)
            return;
        short_wait();
    }
}

void Sshd::stop()
{
    server_.reset();
}

std::string Sshd::known_hosts() const
{
    std::string lines;
    std::istringstream types(options_.host_keys);
    for (std::string type; types >> type;) {
        std::istringstream key(contents_of(folder_ / ("host_" + type + ".pub")));
        std::string name;
        std::string blob;
        key >> name >> blob;
        lines += fmt::format("[127.0.0.1]:{} {} {}\n", port_, name, blob);
    }
    return lines;
}

std::string Sshd::fingerprint(const std::string& type) const
{
    const auto ran = run(folder_, {"/usr/bin/ssh-keygen", "-l", "-f", folder_ / ("host_" + type + ".pub")});
    const auto begin = ran.out.find("SHA256:");
    return ran.out.substr(begin, ran.out.find(' ', begin) - begin);
}

std::vector<int> Sshd::sessions() const
{
    return server_ ? children_of(server_->pid()) : std::vector<int>();
}

void Sshd::signal_sessions(int number) const
{
    for (int session : sessions()) {
        const auto children = children_of(session); // the command, or the unprivileged half where there is one
        ::kill(session, number);                    // first: it would still tell how the command ended
        for (int child : children)
            ::kill(child, number);
    }
}

void Sshd::cut_sessions() const
{
    signal_sessions(SIGKILL);
}

} // namespace xcopy::test
