#include "coordinator/ssh/ssh_login.hpp"

#include "protocol/number.hpp"

#include <fmt/format.h>
#include <openssl/evp.h>

namespace xcopy {

namespace {

constexpr std::string_view begin_marker = "-----BEGIN ";
constexpr std::size_t longest_key = 64 * 1024;

std::string without_blanks(std::string_view text)
{
    std::string out;
    for (char c : text)
        if (c != ' ' && c != '\n' && c != '\r' && c != '\t')
            out += c;
    return out;
}

Error not_a_key(std::string_view why)
{
    return {Errc::bad_request, fmt::format("the SSH private key {}", why),
            "give a key in PEM or OpenSSH form (it begins with '-----BEGIN'), or base64 of it", "bad_ssh_key"};
}

} // namespace

Result<SshAddress> parse_ssh_address(std::string_view text)
{
    const auto bad = [&](std::string_view why) {
        return Error{Errc::bad_request, fmt::format("host '{}': {}", text, why),
                     "write it as ADDRESS, USER@ADDRESS or ADDRESS:PORT, for example 10.0.0.11", "bad_host"};
    };
    SshAddress host;
    std::string_view rest = text;
    if (const auto at = rest.rfind('@'); at != std::string_view::npos) {
        host.user = rest.substr(0, at);
        rest.remove_prefix(at + 1);
    }
    std::string_view port;
    if (rest.starts_with('[')) {
        const auto close = rest.find(']');
        if (close == std::string_view::npos)
            return bad("'[' without ']'");
        host.address = rest.substr(1, close - 1);
        port = rest.substr(close + 1);
    } else if (rest.find(':') != rest.rfind(':')) { // IPv6 without brackets has no port
        host.address = rest;
    } else {
        host.address = rest.substr(0, rest.find(':'));
        port = rest.substr(host.address.size());
    }
    if (host.user.empty() || host.address.empty() || host.address.starts_with('-') ||
        host.address.find_first_of("/@?# \t\"'<>\\%,=") != std::string::npos)
        return bad("that is neither a host name nor an address");
    if (!port.empty()) {
        host.port = whole_number<std::uint16_t>(port.substr(1)).value_or(0);
        if (port.front() != ':' || host.port == 0)
            return bad("the port is not a number from 1 to 65535");
    }
    host.name = host.address;
    return host;
}

Result<Secret> private_key_text(const Secret& given)
{
    const std::string& text = given.reveal();
    if (text.size() > longest_key)
        return not_a_key("is longer than any key");
    if (text.find(begin_marker) != std::string::npos)
        return given;
    const Secret packed(without_blanks(text));
    const std::string& base64 = packed.reveal();
    if (base64.empty() || base64.size() % 4 != 0)
        return not_a_key("is neither a key nor base64");
    std::string decoded(base64.size() / 4 * 3, '\0');
    const int length =
        EVP_DecodeBlock(reinterpret_cast<unsigned char*>(decoded.data()),
                        reinterpret_cast<const unsigned char*>(base64.data()), static_cast<int>(base64.size()));
    // EVP_DecodeBlock counts what '=' stands for as zero bytes; they end a key's text without harm, but are not text.
    Secret key(length < 0 ? std::string() : decoded.substr(0, decoded.find('\0')));
    ::explicit_bzero(decoded.data(), decoded.size());
    if (key.reveal().find(begin_marker) == std::string::npos)
        return not_a_key("is base64, but not of a key");
    return key;
}

bool is_ed25519(const Secret& private_key)
{
    // In the OpenSSH form: the length of a public key that begins with "ssh-e…", on the first line. In PEM: the algorithm 1.3.101.112.
    const auto& text = private_key.reveal();
    return text.find("AAAAMwAAAAtzc2gtZW") != std::string::npos || text.find("MC4CAQAwBQYDK2Vw") != std::string::npos;
}

} // namespace xcopy
