#include "vendors/flashsystem/errors.hpp"

#include "vendors/text.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>

namespace xcopy::flashsystem {

namespace {

constexpr std::string_view own_user =
    "give the account the role Administrator, and use it for nothing else: a sign-in elsewhere "
    "ends ours (see docs/arrays/flashsystem.md)";
constexpr std::string_view wait_or_off =
    "wait until the volume was idle for vdisk_protection_time (lssystem) and run again, or switch protection off "
    "(chsystem -vdiskprotectionenabled no, or chmdiskgrp -vdiskprotectionenabled no <pool>)";
constexpr std::string_view same_size =
    "expand the smaller volume to the same number of bytes (expandvdisksize -unit b), or copy through a host (XCOPY)";
constexpr std::string_view taken = "another host object has this initiator";
constexpr std::string_view gone = "the object does not exist, or its name is not legal";
constexpr std::string_view is_mapped = "the volume is mapped to another host already";
constexpr std::string_view parameters = "the command does not take these parameters";
constexpr std::string_view protection = "volume protection refuses to unmap: the volume saw I/O a moment ago";
constexpr std::string_view protection_reason = "flashsystem_protected";
constexpr std::string_view other_state = "the FlashCopy mapping is in another state";

constexpr ErrorRow rows[] = {
    {"CMMVC5753E", Errc::not_found, gone, ""},
    {"CMMVC5754E", Errc::not_found, gone, ""},
    {"CMMVC5804E", Errc::not_found, gone, ""},
    {"CMMVC5868E", Errc::not_found, gone, ""},
    {"CMMVC5878E", Errc::conflict, "the volume is mapped to this host already", ""},
    {"CMMVC5879E", Errc::busy, "the LUN number is taken on this host", ""},
    {"CMMVC5844E", Errc::bad_request, "the LUN number is not valid", "choose a lower --lun"},
    {"CMMVC6071E", Errc::conflict, is_mapped, "the array did not heed 'force': map it by hand"},
    {"CMMVC9375E", Errc::conflict, is_mapped, "the array did not heed 'force': map it by hand"},
    {"CMMVC5842E", Errc::not_found, "the volume is not mapped to this host", ""},
    {"CMMVC5867E", Errc::conflict, taken, "look at it with lshost and lsfabric"},
    {"CMMVC6578E", Errc::conflict, taken, "look at it with lshost"},
    {"CMMVC6581E", Errc::conflict, taken, "look at it with lshost"},
    {"CMMVC6035E", Errc::conflict, "an object of this name exists", ""},
    {"CMMVC9331E", Errc::conflict, "the volume is mapped with another protocol (NVMe)", "use a volume of SCSI hosts"},
    {"CMMVC5709E", Errc::bad_request, parameters, ""},
    {"CMMVC5713E", Errc::bad_request, parameters, ""},
    {"CMMVC5707E", Errc::bad_request, parameters, ""},
    {"CMMVC7205E", Errc::unsupported, "this code level does not know the command", ""},
    {"CMMVC6253E", Errc::denied, "the account's role does not allow this", own_user},
    {"CMMVC5924E", Errc::unsupported, "the volumes differ in size", same_size},
    {"CMMVC6303E", Errc::unsupported, "source and target are the same volume", ""},
    {"CMMVC6466E", Errc::conflict, "the volume is the target of another FlashCopy mapping", "lsfcmap; remove it"},
    {"CMMVC5903E", Errc::unavailable, other_state, ""},
    {"CMMVC5907E", Errc::unavailable, "the FlashCopy mapping is copying already", ""},
    {"CMMVC5912E", Errc::unavailable, "the FlashCopy mapping is stopped already", ""},
    // Its number is published nowhere, so the words decide (facts 6.4).
    {"volume protection", Errc::unavailable, protection, wait_or_off, protection_reason},
    {"protection period", Errc::unavailable, protection, wait_or_off, protection_reason},
    {"protection time", Errc::unavailable, protection, wait_or_off, protection_reason},
    {"recent I/O", Errc::unavailable, protection, wait_or_off, protection_reason},
    {"recently active", Errc::unavailable, protection, wait_or_off, protection_reason},
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
    const bool success = reply.status >= 200 && reply.status < 300;
    if (success && (json == nullptr || !json->is_string())) // rows may hold any name, even one like a code
        return std::nullopt;
    const ArrayWords words{command_code(reply.body),
                           json != nullptr && json->is_string() ? json->get<std::string>() : reply.body};
    if (words.code.ends_with('W')) // done, but not as we think
        return Error{Errc::indeterminate, fmt::format("the array warns: {}", words.message), "", words.code};
    if (!words.code.empty())
        return explain(rows, "flashsystem", words, reply.status);
    if (reply.status == 401 || reply.status == 403)
        return Error{Errc::denied, fmt::format("the array does not accept our session (HTTP {})", reply.status),
                     std::string(own_user), "flashsystem_session"};
    if (reply.status == 429) // busy would mean that a LUN number is taken
        return Error{Errc::unavailable, "HTTP 429: the array has too many requests", "run again", ""};
    return std::nullopt;
}

bool is_command_error(const Error& error)
{
    return error.reason.starts_with("flashsystem_CMMVC") || error.code == Errc::not_found;
}

Afterwards afterwards(const Error& error)
{
    for (std::string_view code : {"5878E", "5842E", "5867E", "6578E", "6581E", "6035E", "5907E", "5912E"})
        if (error.reason.ends_with(code))
            return Afterwards::look_again;
    if (error.code == Errc::indeterminate)
        return Afterwards::look_again;
    const bool outage = error.reason.empty() && (error.code == Errc::conflict || error.code == Errc::failed);
    return outage || error.code == Errc::unavailable || error.code == Errc::timed_out ? Afterwards::wait_first
                                                                                      : Afterwards::give_up;
}

} // namespace xcopy::flashsystem
