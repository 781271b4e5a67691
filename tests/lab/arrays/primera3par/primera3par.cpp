#include "tests/lab/arrays/primera3par/primera3par.hpp"

#include <algorithm>
#include <cctype>

namespace lab::primera3par {

using nlohmann::json;

namespace {

Switches all_switches()
{
    return {
        {"lun_rules",
         "any",
         "facts 6.2: 3PAR refuses autoLun without lun, Primera lun without autoLun",
         {"needs_lun", "needs_auto"}},
        {"auto_lun", "honours", "facts 6.2: with autoLun the number may differ from the one asked for", {"ignores"}},
        {"location", true, "facts 6.2: the number is read from Location, or listed again", {false}},
        {"exported_again", 18, "facts 6.2: the same export again; 29 on Alletra MP", {29}},
        {"vlun_query",
         "filters",
         "facts 6.3: older builds ignore or reject a query of exports; \"empty\" is a broken one",
         {"ignored", "rejected"}},
        {"host_query", "filters", "facts 5.4: Alletra 9.6 rejects brackets", {"rejected", "ignored"}},
        {"volume_query", "filters", "facts 10: 400 for a bad query"},
        {"csi_matched_set", true, "facts 6.1: one template for each host and port", {false}},
        {"active_rows", true, "facts 8: they appear when the host has logged in, not at once", {false}},
        {"set_rows", "host", "facts 6.1: whose name the active rows of a set carry", {"set"}},
        {"repeated_paths",
         true,
         "facts 5.1: a path for each port it is logged in at; else one without portPos",
         {false}},
        {"stray_member", true, "facts 5.1: a nameless member with what is logged in and belongs to nobody", {false}},
        {"task_names", "whole", "facts 10: the example's target is cut", {"cut"}},
        {"exported_copy_code", 26, "facts 7: INV_OPERATION_VV_EXPORTED has no published number", {152}},
        {"copy_seconds", 3, "how long a physical copy takes"},
        {"copy_fails", false, "a running copy stops halfway"},
        {"stop_refused", false, "the volume's stop of a copy is refused; its task can be cancelled"},
        {"session_limit", 36, "facts 2: about 36 on two nodes"},
        {"exhausted_status", 500, "facts 2: 500 with code 1, or 503"},
        {"role", "edit", "facts 2: a browse user may not write"},
        {"key_in_use", 0, "facts 2: that many requests meet a session key in use"},
        {"broken_list", false, "facts 8: a list that fails midway ends in an error object"},
    };
}

} // namespace

Primera3par::Primera3par(const ModelConfig& config)
    : user_(config.user), password_(config.password), clock_(config.clock), switches_(all_switches()),
      inventory_(config.name, config.directory, config.fabric, "3PARdata", "VV")
{}

bool is_array_name(const std::string& text)
{
    return std::ranges::all_of(
               text, [](unsigned char c) { return std::isalnum(c) != 0 || c == '_' || c == '-' || c == '.'; }) &&
           text.front() != '-' && text.front() != '.';
}

Response json_response(int status, const json& body)
{
    return {.status = status, .body = body.is_null() ? "" : body.dump(), .headers = {{"Server", "hp3par-wsapi"}}};
}

bool is_iscsi(const std::string& initiator)
{
    return initiator.starts_with("iqn.") || initiator.starts_with("eui.");
}

std::string as_array_writes(const std::string& initiator)
{
    std::string text = initiator;
    if (!is_iscsi(text))
        std::ranges::transform(text, text.begin(), [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
    return text;
}

json port_position(const std::string& port)
{
    return {{"node", port[0] - '0'}, {"slot", port[2] - '0'}, {"cardPort", port[4] - '0'}};
}

} // namespace lab::primera3par
