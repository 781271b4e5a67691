#include "vendors/ontap/errors.hpp"

#include "vendors/rest/url.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <cctype>
#include <string>

namespace xcopy::ontap {

namespace {

struct Row {
    std::string_view code;
    Errc errc;
    std::string_view meaning;
    std::string_view remedy;
};

constexpr std::string_view give_role = "give the account of STORAGE_USERNAME the REST role in docs/arrays/ontap.md";
constexpr std::string_view check_svm = "check ONTAP_SVM";
constexpr std::string_view run_again = "run again when it is over";
constexpr std::string_view check_initiator =
    "check the initiator names the host reports (esxcli storage core adapter list)";
constexpr std::string_view need_lif = "give every node of the SVM a LIF of the host's protocol, or use another host";
constexpr std::string_view one_os = "remove the initiator from igroups of another OS type, or set them to vmware";

constexpr auto rows = std::to_array<Row>({
    {"4", Errc::not_found, "no such object", ""},
    {"6", Errc::denied, "the account's role does not allow this", give_role},
    {"6691623", Errc::denied, "the account is not accepted", "check STORAGE_USERNAME and STORAGE_PASSWORD"},
    // mapping
    {"1254207", Errc::conflict, "the LUN is already mapped to this igroup", ""},
    {"1254201", Errc::not_found, "the LUN does not exist", ""},
    {"5374329", Errc::unsupported, "a LUN of class vvol cannot be mapped", ""},
    {"5374053", Errc::busy, "the LUN is being restored", run_again},
    {"5374316", Errc::busy, "the LUN is being moved", run_again},
    {"5374573", Errc::conflict, "a node of the SVM has no LIF for the protocol", need_lif},
    {"5374574", Errc::conflict, "a node of the SVM has no LIF for the protocol", need_lif},
    {"5374581", Errc::conflict, "a node of the SVM has no LIF for the protocol", need_lif},
    {"5374582", Errc::conflict, "a node of the SVM has no LIF for the protocol", need_lif},
    {"5374583", Errc::conflict, "a node of the SVM has no LIF for the protocol", need_lif},
    {"5374584", Errc::conflict, "a node of the SVM has no LIF for the protocol", need_lif},
    {"5374901", Errc::bad_request, "no LUN was named", ""},
    {"5374902", Errc::bad_request, "no igroup was named", ""},
    {"5374920", Errc::bad_request, "the reporting node is unknown", ""},
    {"5374921", Errc::bad_request, "the reporting node's name and UUID differ", ""},
    {"5374127", Errc::bad_request, "the LUN's name is not legal", ""},
    {"5376461", Errc::bad_request, "the LUN's name is not legal", ""},
    {"5376462", Errc::bad_request, "the LUN's name is too long", ""},
    {"5374238", Errc::unsupported, "the LUN lives in a snapshot", "use a volume, not a snapshot, as target"},
    {"5374652", Errc::conflict, "the peer cluster refused the replicated map",
     "check the SVM peering and SnapMirror state"},
    {"5376356", Errc::conflict, "SnapMirror active sync refused the map", "check the SVM peering and SnapMirror state"},
    {"2621462", Errc::not_found, "the SVM does not exist", check_svm},
    {"2621706", Errc::bad_request, "the SVM's name and UUID differ", check_svm},
    {"2621707", Errc::bad_request, "no SVM was named", check_svm},
    // unmapping
    {"5374922", Errc::not_found, "there is no such map", ""},
    {"5374875", Errc::not_found, "the LUN is gone or belongs to another SVM", check_svm},
    {"5374878", Errc::not_found, "the igroup is gone or belongs to another SVM", check_svm},
    // igroups and initiators
    {"5374023", Errc::conflict, "an igroup of this name exists", ""},
    {"5373958", Errc::bad_request, "the igroup's name is not legal", ""},
    {"5373966", Errc::conflict, "the SVM serves NVMe and refuses igroups", "use an SVM that serves iSCSI or FC"},
    {"5376488", Errc::conflict, "an NVMe subsystem has the igroup's name", "rename the NVMe subsystem"},
    {"5373982", Errc::bad_request, "the WWPN has the wrong length", check_initiator},
    {"5373983", Errc::bad_request, "the WWPN has the wrong form", check_initiator},
    {"5374038", Errc::bad_request, "the WWPN is not valid", check_initiator},
    {"5373969", Errc::bad_request, "the IQN is malformed", check_initiator},
    {"5373971", Errc::bad_request, "the IQN is malformed", check_initiator},
    {"5373972", Errc::bad_request, "the IQN is malformed", check_initiator},
    {"5374039", Errc::bad_request, "the IQN is not valid", check_initiator},
    {"5373977", Errc::bad_request, "the EUI name is malformed", check_initiator},
    {"5373978", Errc::bad_request, "the EUI name is malformed", check_initiator},
    {"5373993", Errc::bad_request, "the initiator's name has no form ONTAP knows", check_initiator},
    {"5373992", Errc::bad_request, "the initiator's name is too long", check_initiator},
    {"5374732", Errc::conflict, "the initiator is in an igroup of another OS type", one_os},
    {"5374734", Errc::conflict, "the initiator is in an igroup of another OS type", one_os},
    {"5374035", Errc::conflict, "the initiator is in this igroup already", ""},
    {"1254193", Errc::conflict, "the initiator would see the LUN twice",
     "it is mapped to another igroup with the same initiator; remove one of the two maps"},
    {"1254324", Errc::busy, "the initiator would see one LUN number twice", "another LUN number is needed"},
    {"5374852", Errc::not_found, "the igroup is gone", "run again: it is created anew"},
    {"1254213", Errc::conflict, "the igroup still has maps", ""},
    {"5374034", Errc::not_found, "the initiator is not in this igroup", ""},
    {"5374041", Errc::conflict, "the initiator belongs to a nested igroup", ""},
    {"1254197", Errc::conflict, "the LUN is still mapped", ""},
});

bool mentions_lun_number(std::string_view message)
{
    std::string text(message);
    std::ranges::transform(text, text.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    for (std::string_view words : {"lun id", "lun-id", "lun number", "logical unit number", "logical_unit_number"})
        if (text.find(words) != std::string::npos)
            return true;
    return false;
}

} // namespace

bool is(const Error& error, std::string_view reason)
{
    return error.reason == reason;
}

bool is_worth_reading_again(const Error& error)
{
    return error.code == Errc::indeterminate || is(error, igroup_exists) || is(error, igroup_missing) ||
           is(error, already_in_this_igroup) || is(error, initiator_sees_lun_twice);
}

std::optional<Error> decode_error(const rest::Reply& reply, const rest::Json* json)
{
    const rest::Json* error = json != nullptr ? rest::find(*json, "error") : nullptr;
    if (reply.status == 401)
        return Error{Errc::denied,
                     fmt::format("the account is not accepted: {} (HTTP 401)",
                                 error != nullptr ? rest::one_line(rest::text_at(*error, "message")) : ""),
                     "check STORAGE_USERNAME and STORAGE_PASSWORD, and that the account may use the http application",
                     "ontap_401"};
    if (error == nullptr || !error->is_object())
        return std::nullopt;
    const std::string code = rest::text_at(*error, "code");
    const std::string message = rest::one_line(rest::text_at(*error, "message"));
    const auto detail = fmt::format("\"{}\" (HTTP {}, code {})", message, reply.status, code);

    const auto row = std::ranges::find(rows, code, &Row::code);
    if (row != rows.end())
        return Error{row->errc, fmt::format("{}: {}", row->meaning, detail), std::string(row->remedy), "ontap_" + code};
    if (reply.status >= 400 && reply.status < 500 && mentions_lun_number(message))
        return Error{Errc::busy, fmt::format("the LUN number is taken: {}", detail), "", std::string(number_taken)};
    const Errc errc = reply.status >= 400 ? errc_from_http_status(reply.status) : Errc::failed;
    return Error{errc, detail, errc == Errc::denied ? std::string(give_role) : "", "ontap_" + code};
}

} // namespace xcopy::ontap
