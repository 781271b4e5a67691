#include "vendors/error_table.hpp"
#include "vendors/flashsystem/parse.hpp"
#include "vendors/text.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace xcopy::flashsystem {

namespace {

constexpr std::string_view own_user =
    "give the account the role Administrator and to nobody else: a sign-in elsewhere ends ours";
constexpr std::string_view wait_or_off =
    "run again when the volume was idle for vdisk_protection_time (lssystem), or switch protection "
    "off (chsystem or chmdiskgrp -vdiskprotectionenabled no)";
constexpr std::string_view gone = "the object does not exist, or its name is not legal";
constexpr std::string_view owned = "another host object has this initiator";
constexpr std::string_view mapped = "the volume is mapped to another host, and the array did not heed 'force'";
constexpr std::string_view parameters = "the command does not take these parameters";
constexpr std::string_view copy_state = "the FlashCopy mapping is in another state";
constexpr std::string_view protection = "volume protection does not let go of a volume that saw I/O a moment ago";
constexpr std::string_view equal_sizes =
    "expand the smaller one (expandvdisksize -unit b), or copy through a host (XCOPY)";

constexpr ErrorRow rows[] = {
    // facts 5 to 7
    {"CMMVC5753E", Errc::not_found, gone, ""},
    {"CMMVC5754E", Errc::not_found, gone, ""},
    {"CMMVC5804E", Errc::not_found, gone, ""},
    {"CMMVC5868E", Errc::not_found, gone, ""},
    {"CMMVC5878E", Errc::conflict, "the volume is mapped to this host already", ""},
    {"CMMVC5879E", Errc::busy, "the LUN number is taken on this host", ""},
    {"CMMVC5844E", Errc::bad_request, "the LUN number is too high", "choose a lower --lun"},
    {"CMMVC6071E", Errc::conflict, mapped, "map it by hand"},
    {"CMMVC9375E", Errc::conflict, mapped, "map it by hand"},
    {"CMMVC5842E", Errc::not_found, "the volume is not mapped to this host", ""},
    {"CMMVC5867E", Errc::conflict, owned, "find it with lsfabric -wwpn"},
    {"CMMVC6578E", Errc::conflict, owned, "find it with lshost"},
    {"CMMVC6581E", Errc::conflict, owned, "find it with lshost"},
    {"CMMVC6035E", Errc::conflict, "an object of this name exists", ""},
    {"CMMVC9331E", Errc::conflict, "the volume is mapped with another protocol", "use a volume of FC or iSCSI hosts"},
    {"CMMVC5709E", Errc::bad_request, parameters, ""},
    {"CMMVC5713E", Errc::bad_request, parameters, ""},
    {"CMMVC7205E", Errc::unsupported, "this code level does not know the command", ""},
    {"CMMVC6253E", Errc::denied, "the account's role does not allow this", own_user},
    {"CMMVC5924E", Errc::unsupported, "the volumes differ in size", equal_sizes},
    {"CMMVC6466E", Errc::conflict, "the target is that of another FlashCopy mapping", "end it and remove it (rmfcmap)"},
    {"CMMVC5903E", Errc::unavailable, copy_state, ""},
    {"CMMVC5907E", Errc::unavailable, copy_state, ""},
    {"CMMVC5912E", Errc::unavailable, copy_state, ""},
    // Its number is published nowhere, so the words decide (facts 6.4).
    {"volume protection", Errc::unavailable, protection, wait_or_off, "flashsystem_protected"},
    {"protection period", Errc::unavailable, protection, wait_or_off, "flashsystem_protected"},
    {"protection time", Errc::unavailable, protection, wait_or_off, "flashsystem_protected"},
    {"recent I/O", Errc::unavailable, protection, wait_or_off, "flashsystem_protected"},
    {"recently active", Errc::unavailable, protection, wait_or_off, "flashsystem_protected"},
};

} // namespace

std::string command_code(std::string_view body)
{
    for (auto at = body.find("CMMVC"); at != std::string_view::npos; at = body.find("CMMVC", at + 1))
        if (const auto code = body.substr(at, 10);
            code.size() == 10 && is_digits(code.substr(5, 4)) && (code[9] == 'E' || code[9] == 'W'))
            return std::string(code);
    return {};
}

bool is_no_answer(const rest::Reply& reply)
{
    if (reply.status < 300)
        return !reply.body.empty() && !rest::parse_json(reply.body);
    return (reply.status == 409 || reply.status >= 500) && command_code(reply.body).empty();
}

std::optional<Error> decode_error(const rest::Reply& reply, const rest::Json* json)
{
    if (reply.status < 300 && (json == nullptr || !json->is_string())) // rows may hold any name, even one like a code
        return std::nullopt;
    const ArrayWords words{command_code(reply.body),
                           json != nullptr && json->is_string() ? json->get<std::string>() : reply.body};
    if (words.code.ends_with('W')) // done, but not as we think
        return Error{Errc::indeterminate, fmt::format("the array warns: {}", words.message), "", words.code};
    if (!words.code.empty())
        return explain(rows, "flashsystem", words, reply.status);
    if (reply.status == 401 || reply.status == 403)
        return Error{Errc::denied, fmt::format("the session is not accepted (HTTP {})", reply.status),
                     std::string(own_user)};
    if (reply.status == 429) // Errc::busy would mean that a LUN number is taken
        return Error{Errc::unavailable, "HTTP 429: too many requests"};
    return std::nullopt;
}

bool is_command_error(const Error& error)
{
    return error.reason.starts_with("flashsystem_CMMVC") || error.code == Errc::not_found;
}

Afterwards afterwards(const Error& error)
{
    for (std::string_view code : {"5878E", "5842E", "5867E", "6578E", "6581E", "6035E"})
        if (error.reason.ends_with(code) || error.code == Errc::indeterminate)
            return Afterwards::look_again;
    const bool no_answer = error.reason.empty() && (error.code == Errc::conflict || error.code == Errc::failed);
    return no_answer || (is_transient(error.code) && error.code != Errc::busy) ? Afterwards::wait_first
                                                                               : Afterwards::give_up;
}

} // namespace xcopy::flashsystem
