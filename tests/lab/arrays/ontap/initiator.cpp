#include "tests/lab/arrays/ontap/initiator.hpp"

#include <algorithm>

namespace lab::ontap {

namespace {

constexpr std::size_t longest = 96;

bool digit(char c)
{
    return c >= '0' && c <= '9';
}

bool hex(char c)
{
    return digit(c) || (c >= 'a' && c <= 'f');
}

// iqn.yyyy-mm.authority[:name]
bool well_formed_iqn(std::string_view iqn)
{
    const auto date = iqn.substr(4);
    if (date.size() < 9 || date[4] != '-' || date[7] != '.')
        return false;
    if (!std::ranges::all_of(date.substr(0, 4), digit) || !std::ranges::all_of(date.substr(5, 2), digit))
        return false;
    const auto month = (date[5] - '0') * 10 + (date[6] - '0');
    const auto name = date.substr(8);
    return month >= 1 && month <= 12 && name.front() != ':' && std::ranges::all_of(name, [](char c) {
               return digit(c) || (c >= 'a' && c <= 'z') || c == '.' || c == '-' || c == ':' || c == '_';
           });
}

// ESXi writes adapters as fc.WWNN:WWPN, ONTAP takes the WWPN alone.
Answer<std::string> parse_wwpn(std::string name)
{
    const auto octets = (name.size() + 1) / 3;
    for (std::size_t i = 0; i < name.size(); ++i) {
        if (i % 3 == 2 ? name[i] != ':' : !hex(name[i]))
            return Refusal{"5373983", "The WWN \"" + name + "\" is not hexadecimal pairs with colons.", "name"};
    }
    if (octets != 8 || name.size() != 23)
        return Refusal{"5373982", "The WWN \"" + name + "\" has an invalid length.", "name"};
    return name;
}

} // namespace

std::string lower(std::string_view text)
{
    std::string result(text);
    std::ranges::transform(result, result.begin(),
                           [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
    return result;
}

std::string upper(std::string_view text)
{
    std::string result(text);
    std::ranges::transform(result, result.begin(),
                           [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c; });
    return result;
}

std::string fabric_name(std::string_view initiator)
{
    std::string name(initiator);
    if (!name.starts_with("iqn.") && !name.starts_with("eui."))
        std::erase(name, ':');
    return name;
}

Answer<std::string> parse_initiator(std::string_view text, Protocol protocol)
{
    auto name = lower(text);
    if (name.size() > longest)
        return Refusal{"5373992", "The initiator name is too long.", "name"};

    if (name.starts_with("iqn.")) {
        if (protocol == Protocol::fcp)
            return Refusal{"5374038", "\"" + name + "\" is not a WWPN and the initiator group is FCP.", "name"};
        if (!well_formed_iqn(name))
            return Refusal{"5374039", "The iSCSI initiator name \"" + name + "\" is invalid.", "name"};
        return name;
    }
    if (name.starts_with("eui.")) {
        if (protocol == Protocol::fcp)
            return Refusal{"5374038", "\"" + name + "\" is not a WWPN and the initiator group is FCP.", "name"};
        if (name.size() != 20 || !std::ranges::all_of(name.substr(4), hex))
            return Refusal{"5373977", "The EUI \"" + name + "\" is not 16 hexadecimal digits.", "name"};
        return name;
    }
    if (name.size() < 2 || !hex(name[0]) || !hex(name[1]))
        return Refusal{"5373993", "The initiator name \"" + name + "\" matches no known format.", "name"};
    if (protocol == Protocol::iscsi)
        return Refusal{"5374039", "\"" + name + "\" is not an iSCSI name and the initiator group is iSCSI.", "name"};
    return parse_wwpn(std::move(name));
}

} // namespace lab::ontap
