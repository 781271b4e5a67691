#include "coordinator/ssh/kexinit.hpp"

#include <fmt/format.h>

#include <cstdint>

namespace xcopy {

namespace {

constexpr std::size_t longest_packet = 35000; // RFC 4253, 6.1
constexpr unsigned char msg_kexinit = 20;
constexpr std::size_t cookie = 16;

std::optional<std::uint32_t> number(std::string_view& bytes)
{
    if (bytes.size() < 4)
        return std::nullopt;
    std::uint32_t value = 0;
    for (char c : bytes.substr(0, 4))
        value = value << 8U | static_cast<unsigned char>(c);
    bytes.remove_prefix(4);
    return value;
}

std::optional<std::string> name_list(std::string_view& bytes)
{
    const auto length = number(bytes);
    if (!length || *length > bytes.size())
        return std::nullopt;
    std::string list;
    for (char c : bytes.substr(0, *length))
        list += c > ' ' && c < 127 ? c : '?';
    bytes.remove_prefix(*length);
    return list;
}

// A server may send other lines before its version.
std::optional<std::string> take_banner(std::string_view& bytes)
{
    for (;;) {
        const auto end = bytes.find('\n');
        if (end == std::string_view::npos)
            return std::nullopt;
        std::string_view line = bytes.substr(0, end);
        bytes.remove_prefix(end + 1);
        if (line.ends_with('\r'))
            line.remove_suffix(1);
        if (line.starts_with("SSH-"))
            return std::string(line);
    }
}

bool has(std::string_view list, std::string_view wanted)
{
    while (!list.empty()) {
        const auto comma = list.find(',');
        if (list.substr(0, comma) == wanted)
            return true;
        list.remove_prefix(comma == std::string_view::npos ? list.size() : comma + 1);
    }
    return false;
}

bool meet(std::string_view ours, std::string_view theirs)
{
    while (!ours.empty()) {
        const auto comma = ours.find(',');
        if (has(theirs, ours.substr(0, comma)))
            return true;
        ours.remove_prefix(comma == std::string_view::npos ? ours.size() : comma + 1);
    }
    return false;
}

} // namespace

std::optional<ServerOffer> read_server_offer(std::string_view bytes)
{
    ServerOffer offer;
    const auto banner = take_banner(bytes);
    const auto length = banner ? number(bytes) : std::nullopt;
    if (!length || *length > longest_packet || bytes.size() < *length || bytes.size() < 2 + cookie ||
        static_cast<unsigned char>(bytes[1]) != msg_kexinit) // [0] is the length of the padding
        return std::nullopt;
    offer.banner = *banner;
    bytes = bytes.substr(2 + cookie, *length - 2 - cookie);
    std::optional<std::string> lists[6]; // key exchange, host keys, ciphers c→s, s→c, MACs c→s, s→c
    for (auto& list : lists) {
        list = name_list(bytes);
        if (!list)
            return std::nullopt;
    }
    offer.key_exchange = *lists[0];
    offer.host_keys = *lists[1];
    offer.ciphers = *lists[3];
    offer.macs = *lists[5];
    return offer;
}

std::string nothing_in_common(const OurOffer& ours, const ServerOffer& theirs)
{
    const auto group = [](std::string_view what, std::string_view mine, std::string_view its) {
        return meet(mine, its) ? std::string()
                               : fmt::format("no common {}: the host offers {}; we offer {}", what, its, mine);
    };
    for (auto text : {group("key exchange", ours.key_exchange, theirs.key_exchange),
                      group("host key algorithm", ours.host_keys, theirs.host_keys),
                      group("cipher", ours.ciphers, theirs.ciphers), group("MAC", ours.macs, theirs.macs)})
        if (!text.empty())
            return text;
    return {};
}

} // namespace xcopy
