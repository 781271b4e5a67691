#include "vendors/flashsystem/parse.hpp"

#include "vendors/driver.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace xcopy::flashsystem {

using rest::Json;
using rest::text_at;

namespace {

constexpr std::string_view own_user =
    "give the account the role Administrator and to nobody else: a sign-in elsewhere ends ours";
constexpr std::string_view wait_or_off =
    "run again when the volume was idle for vdisk_protection_time (lssystem), or switch protection "
    "off (chsystem or chmdiskgrp -vdiskprotectionenabled no)";
constexpr std::string_view protection = "volume protection does not let go of a volume that saw I/O a moment ago";

constexpr ErrorRow rows[] = {
    // facts 5 to 7
    {"CMMVC5753E,CMMVC5754E,CMMVC5804E,CMMVC5868E", Errc::not_found,
     "the object does not exist, or its name is not legal", ""},
    {"CMMVC5878E", Errc::conflict, "the volume is mapped to this host already", ""},
    {"CMMVC5879E", Errc::busy, "the LUN number is taken on this host", ""},
    {"CMMVC5844E", Errc::bad_request, "the LUN number is too high", "choose a lower --lun"},
    {"CMMVC6071E,CMMVC9375E", Errc::conflict,
     "the volume is mapped to another host, and the array did not heed 'force'", "map it by hand"},
    {"CMMVC5842E", Errc::not_found, "the volume is not mapped to this host", ""},
    {"CMMVC5867E,CMMVC6578E,CMMVC6581E", Errc::conflict, "another host object has this initiator",
     "find it with lsfabric -wwpn, or lshost"},
    {"CMMVC6035E", Errc::conflict, "an object of this name exists", ""},
    {"CMMVC9331E", Errc::conflict, "the volume is mapped with another protocol", "use a volume of FC or iSCSI hosts"},
    {"CMMVC5709E,CMMVC5713E", Errc::bad_request, "the command does not take these parameters", ""},
    {"CMMVC7205E", Errc::unsupported, "this code level does not know the command", ""},
    {"CMMVC6253E", Errc::denied, "the account's role does not allow this", own_user},
    {"CMMVC5924E", Errc::unsupported, "the volumes differ in size",
     "expand the smaller one (expandvdisksize -unit b), or copy through a host (XCOPY)"},
    {"CMMVC6466E", Errc::conflict, "the target is that of another FlashCopy mapping", "end it and remove it (rmfcmap)"},
    {"CMMVC5903E,CMMVC5907E,CMMVC5912E", Errc::unavailable, "the FlashCopy mapping is in another state", ""},
    // Its number is published nowhere, so the words decide (facts 6.4).
    {"volume protection", Errc::unavailable, protection, wait_or_off, "flashsystem_protected"},
    {"protection period", Errc::unavailable, protection, wait_or_off, "flashsystem_protected"},
    {"protection time", Errc::unavailable, protection, wait_or_off, "flashsystem_protected"},
    {"recent I/O", Errc::unavailable, protection, wait_or_off, "flashsystem_protected"},
    {"recently active", Errc::unavailable, protection, wait_or_off, "flashsystem_protected"},
};

} // namespace

Result<Handle> parse_handle(std::string_view handle)
{
    const auto halves = split(handle, ';'); // before it perhaps SVC, a system and an id; the UID is what comes last
    const auto names = split(halves.front(), ':');
    const bool has_id = halves.size() == 2;
    Handle parsed{.system = names.size() == 3 ? names[1] : "",
                  .id = has_id ? names.back() : "",
                  .uid = upper(has_id ? halves[1] : names.back())};
    const bool is_other = names.front() == "DS8K" || names.front() == "A9000";
    const bool is_known = names.front() == "SVC" && halves.size() <= 2 &&
                          (names.size() == 2 || (has_id && names.size() == 3)) && (!has_id || is_digits(parsed.id)) &&
                          (names.size() == 2 || is_hex(parsed.system)) && parsed.uid.size() == 32 &&
                          is_hex(parsed.uid) && parsed.uid.starts_with("6005076"); // NAA 6, IBM
    if (is_known)
        return parsed;
    return Error{is_other ? Errc::unsupported : Errc::bad_request,
                 fmt::format("volume handle '{}' is {}", handle,
                             is_other ? "of a DS8000 or A9000" : "none of SVC:id;uid, SVC:system:id;uid, SVC:uid"),
                 "only volumes of block.csi.ibm.com on FlashSystem or SAN Volume Controller can be copied to"};
}

Rows rows_in(const Json& reply)
{
    if (reply.is_array())
        return Rows(reply.begin(), reply.end());
    return reply.is_object() ? Rows{reply} : Rows{};
}

Result<Volume> parse_volume(const Json& row)
{
    const auto uid = text_at(row, "vdisk_UID");
    const Volume volume{is_digits(text_at(row, "id")) ? text_at(row, "id") : "", text_at(row, "name"),
                        "naa." + lower(uid), uid};
    if (text_at(row, "status") == "offline")
        return about(volume, Errc::unsupported, "it is offline", "bring the volume online");
    if (contains_ignoring_case(text_at(row, "protocol"), "nvme"))
        return about(volume, Errc::unsupported, "it is mapped by NVMe", "use a volume of FC or iSCSI hosts");
    return proven(volume, rest::number_at(row, "capacity").value_or(0), {"naa.6005076"});
}

std::vector<std::string> ports_of(const Json& host)
{
    std::vector<std::string> ports;
    for (const Json& node : rest::list_at(host, "nodes"))
        for (const auto& name : {upper(text_at(node, "WWPN")), lower(text_at(node, "iscsi_name"))})
            if (!name.empty())
                ports.push_back(name);
    return ports;
}

std::string port(const Initiator& initiator)
{
    return initiator.kind == Initiator::Kind::fc ? upper(initiator.wwpn) : lower(initiator.name);
}

bool is_wwpn(std::string_view port)
{
    return port.size() == 16 && is_hex(port);
}

bool Target::owns(const Json& mapping) const
{
    return (text_at(mapping, "mapping_type") == "shared") == cluster &&
           text_at(mapping, cluster ? "host_cluster_id" : "host_id") == id;
}

std::optional<Target> parse_target(const ArrayHost& host)
{
    const auto [kind, id] = halves(host.id);
    const bool is_one = is_digits(id) && (kind == "host" || kind == "hostcluster");
    return is_one ? std::optional(Target{kind == "hostcluster", id}) : std::nullopt;
}

bool is_at_rest(const ArrayCopyRecord& copy)
{
    return copy.status == "idle_or_copied" || copy.status == "stopped";
}

ArrayCopyRecord parse_copy(const Json& row)
{
    using Phase = ArrayCopyState::Phase;
    const auto status = text_at(row, "status");
    const int percent = static_cast<int>(rest::number_at(row, "progress").value_or(0));
    ArrayCopyRecord record{text_at(row, "id"), status, {Phase::failed, percent}};
    if (status == "idle_or_copied") // before the start too: only 100 % makes it done (facts 7)
        record.state.phase = percent == 100 ? Phase::done : Phase::absent;
    else if (status == "copying" || status == "preparing" || status == "prepared" || status == "stopping")
        record.state.phase = Phase::running;
    else
        record.state.message = fmt::format("FlashCopy mapping {} is {} at {} %", text_at(row, "name"), status, percent);
    return record;
}

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
