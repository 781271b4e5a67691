#include "vendors/initiator.hpp"

#include "vendors/text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <optional>

namespace xcopy {

namespace {

constexpr std::size_t max_iscsi_name = 223; // RFC 3720

// 16 hex digits, plain or as 8 pairs joined by ':'.
std::optional<std::string> parse_wwn(std::string_view text)
{
    std::string digits;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const bool between_pairs = text.size() == 23 && i % 3 == 2;
        if (between_pairs != (text[i] == ':'))
            return std::nullopt;
        if (!between_pairs)
            digits += text[i];
    }
    if (digits.size() != 16 || !is_hex(digits))
        return std::nullopt;
    return digits;
}

bool is_iscsi_name(std::string_view name)
{
    if (name.starts_with("eui."))
        return name.size() == 20 && is_hex(name.substr(4));
    return name.starts_with("iqn.") && name.size() > 4 && name.size() <= max_iscsi_name &&
           std::ranges::all_of(name, [](unsigned char c) {
               return std::isalnum(c) != 0 || c == '.' || c == '-' || c == ':' || c == '_';
           });
}

} // namespace

std::string Initiator::esxi() const
{
    return kind == Kind::fc ? fmt::format("fc.{}:{}", wwnn, wwpn) : name;
}

std::string Initiator::plain() const
{
    return kind == Kind::fc ? wwpn : name;
}

std::string Initiator::in_capitals() const
{
    return kind == Kind::fc ? upper(wwpn) : name;
}

std::string Initiator::with_colons() const
{
    if (kind != Kind::fc)
        return name;
    std::string text;
    for (std::size_t i = 0; i < wwpn.size(); ++i) {
        if (i > 0 && i % 2 == 0)
            text += ':';
        text += wwpn[i];
    }
    return text;
}

bool has_kind(const Initiators& initiators, Initiator::Kind kind)
{
    return std::ranges::count(initiators, kind, &Initiator::kind) > 0;
}

Result<Initiator> parse_initiator(std::string_view adapter_uid)
{
    const std::string uid = lower(adapter_uid);
    const std::string_view text = uid;
    if (text.starts_with("fc.")) {
        // fc.WWNN:WWPN; the WWNN may be written with colons as well, so the WWPN is the second half.
        const auto names = text.substr(3);
        const auto half = names.size() / 2;
        if (names.size() % 2 == 1 && names[half] == ':') {
            const auto wwnn = parse_wwn(names.substr(0, half));
            const auto wwpn = parse_wwn(names.substr(half + 1));
            if (wwnn && wwpn)
                return Initiator{.kind = Initiator::Kind::fc, .wwnn = *wwnn, .wwpn = *wwpn};
        }
        return Error{Errc::bad_request, fmt::format("'{}' is not fc.WWNN:WWPN with 16 hex digits each", adapter_uid)};
    }
    if (auto wwpn = parse_wwn(text))
        return Initiator{.kind = Initiator::Kind::fc, .wwpn = *wwpn};
    if (is_iscsi_name(text))
        return Initiator{.kind = Initiator::Kind::iscsi, .name = uid};
    if (is_uuid(text))
        return Initiator{.kind = Initiator::Kind::sdc, .name = uid};
    if (text.starts_with("iqn.") || text.starts_with("eui."))
        return Error{Errc::bad_request, fmt::format("'{}' is not a well-formed iSCSI name", adapter_uid)};
    return Error{Errc::unsupported, fmt::format("adapter '{}' carries no LUN of an array", adapter_uid)};
}

} // namespace xcopy
