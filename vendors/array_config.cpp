#include "vendors/array_config.hpp"

#include "protocol/number.hpp"
#include "vendors/text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <utility>

namespace xcopy {

namespace {

constexpr std::string_view remedy = "STORAGE_HOSTNAME is the array's management name or address, for example "
                                    "array.example.com, 10.0.0.5:8443 or [2001:db8::5]";

Error bad_hostname(std::string_view hostname, std::string_view why)
{
    return {Errc::bad_request, fmt::format("STORAGE_HOSTNAME '{}': {}", hostname, why), std::string(remedy),
            "bad_hostname"};
}

bool all(std::string_view text, std::string_view allowed)
{
    return !text.empty() && std::ranges::all_of(text, [&](unsigned char c) {
        return std::isalnum(c) != 0 || allowed.find(static_cast<char>(c)) != std::string_view::npos;
    });
}

bool is_ipv6(std::string_view text)
{
    return std::ranges::count(text, ':') >= 2 &&
           std::ranges::all_of(text, [](unsigned char c) { return std::isxdigit(c) != 0 || c == ':' || c == '.'; });
}

bool is_port(std::string_view text)
{
    return whole_number<std::uint16_t>(text).value_or(0) > 0;
}

} // namespace

std::string ArrayConfig::extra_or_empty(const std::string& key) const
{
    const auto found = extra.find(key);
    return found == extra.end() ? std::string() : found->second;
}

ArrayConfig array_config_from(std::string vendor, const std::map<std::string, std::string>& environment)
{
    ArrayConfig config{.vendor = std::move(vendor)};
    for (const auto& [key, value] : environment) {
        if (key == "STORAGE_HOSTNAME")
            config.hostname = value;
        else if (key == "STORAGE_USERNAME")
            config.username = value;
        else if (key == "STORAGE_PASSWORD")
            config.password = Secret(value);
        else if (key == "STORAGE_TOKEN")
            config.token = Secret(value);
        else if (key == "STORAGE_SKIP_SSL_VERIFICATION")
            config.skip_tls_verification = value == "true"; // nothing else switches a safeguard off
        else if (key == "STORAGE_CA_FILE")
            config.ca_file = value;
        else if (key == "STORAGE_CA")
            config.ca_pem = value;
        else
            config.extra.emplace(key, value);
    }
    return config;
}

Result<std::string> base_url(std::string_view hostname)
{
    std::string_view rest = trim(hostname);
    if (const auto scheme_end = rest.find("://"); scheme_end != std::string_view::npos) {
        const std::string scheme = lower(rest.substr(0, scheme_end));
        if (scheme == "http")
            return bad_hostname(hostname, "http:// would send the password in the clear; arrays speak https");
        if (scheme != "https")
            return bad_hostname(hostname, fmt::format("'{}' is not a scheme arrays speak", scheme));
        rest.remove_prefix(scheme_end + 3);
    }
    rest = rest.substr(0, rest.find_first_of("/?#"));
    if (rest.empty())
        return bad_hostname(hostname, "no host is named");
    if (rest.find('@') != std::string_view::npos)
        return Error{Errc::bad_request, "STORAGE_HOSTNAME contains '@'",
                     "put the account into STORAGE_USERNAME and STORAGE_PASSWORD; " + std::string(remedy),
                     "bad_hostname"}; // not repeated: what stands before the '@' may be a password

    std::string_view host = rest;
    std::string_view port;
    const bool bracketed = rest.front() == '[';
    if (bracketed) {
        const auto close = rest.find(']');
        if (close == std::string_view::npos)
            return bad_hostname(hostname, "'[' without ']'");
        host = rest.substr(1, close - 1);
        port = rest.substr(close + 1);
        if (!port.empty() && port.front() != ':')
            return bad_hostname(hostname, "only a port may follow ']'");
    } else if (!is_ipv6(rest)) {
        host = rest.substr(0, rest.find(':'));
        port = rest.substr(host.size());
    }
    if (!port.empty() && !is_port(port.substr(1)))
        return bad_hostname(hostname, "the port is not a number from 1 to 65535");
    const bool ipv6 = is_ipv6(host);
    if (bracketed && !ipv6)
        return bad_hostname(hostname, "what stands in brackets is not an IPv6 address");
    if (!ipv6 && (!all(host, ".-_") || host.front() == '-'))
        return bad_hostname(hostname, "that is neither a host name nor an address");
    return fmt::format("https://{}{}{}{}", ipv6 ? "[" : "", lower(host), ipv6 ? "]" : "", port == ":443" ? "" : port);
}

} // namespace xcopy
