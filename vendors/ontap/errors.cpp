#include "vendors/ontap/errors.hpp"

#include "vendors/text.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>

namespace xcopy::ontap {

namespace {

constexpr std::string_view give_role = "give the account of STORAGE_USERNAME the REST role in docs/arrays/ontap.md";
constexpr std::string_view check_account =
    "check STORAGE_USERNAME and STORAGE_PASSWORD, and that the account may use the http application";
constexpr std::string_view check_svm = "check ONTAP_SVM";
constexpr std::string_view run_again = "run again when it is over";
constexpr std::string_view check_name = "check the initiator names the host reports (esxcli storage core adapter list)";
constexpr std::string_view need_lif = "give every node of the SVM a LIF of the host's protocol, or use another host";
constexpr std::string_view one_os = "remove the initiator from igroups of another OS type, or set them to vmware";
constexpr std::string_view no_lif = "a node of the SVM has no LIF for the protocol";
constexpr std::string_view bad_initiator = "the initiator's name is not valid";
constexpr std::string_view other_os = "the initiator is in an igroup of another OS type";
constexpr std::string_view gone = "the LUN or the igroup is gone, or belongs to another SVM";

constexpr ErrorRow rows[] = {
    {"401", Errc::denied, "the account is not accepted", check_account},
    {"6691623", Errc::denied, "the account is not accepted", check_account},
    {"6", Errc::denied, "the account's role does not allow this", give_role},
    {"4", Errc::not_found, "no such object", ""},
    {"1254207", Errc::conflict, "the LUN is already mapped to this igroup", ""},
    {"1254193", Errc::conflict, "the initiator would see the LUN twice",
     "it is mapped to another igroup with the same initiator; remove one of the two maps"},
    {"1254324", Errc::busy, "the initiator would see one LUN number twice", "", number_taken},
    {"1254201", Errc::not_found, "the LUN does not exist", ""},
    {"5374329", Errc::unsupported, "a LUN of class vvol cannot be mapped", ""},
    {"5374238", Errc::unsupported, "the LUN lives in a snapshot", "use a volume, not a snapshot, as target"},
    {"5374053", Errc::busy, "the LUN is being restored", run_again},
    {"5374316", Errc::busy, "the LUN is being moved", run_again},
    {"5374573", Errc::conflict, no_lif, need_lif},
    {"5374574", Errc::conflict, no_lif, need_lif},
    {"5374581", Errc::conflict, no_lif, need_lif},
    {"5374582", Errc::conflict, no_lif, need_lif},
    {"5374583", Errc::conflict, no_lif, need_lif},
    {"5374584", Errc::conflict, no_lif, need_lif},
    {"2621462", Errc::not_found, "the SVM does not exist", check_svm},
    {"5374922", Errc::not_found, "there is no such map", ""},
    {"5374875", Errc::not_found, gone, "run again; if it stays so, check ONTAP_SVM"},
    {"5374878", Errc::not_found, gone, "run again; if it stays so, check ONTAP_SVM"},
    {"5374852", Errc::not_found, "the igroup is gone", "run again: it is created anew"},
    {"5374023", Errc::conflict, "an igroup of this name exists", ""},
    {"5374035", Errc::conflict, "the initiator is in this igroup already", ""},
    {"5373966", Errc::conflict, "the SVM serves NVMe and refuses igroups", "use an SVM that serves iSCSI or FC"},
    {"5376488", Errc::conflict, "an NVMe subsystem has the igroup's name", "rename the NVMe subsystem"},
    {"5374732", Errc::conflict, other_os, one_os},
    {"5374734", Errc::conflict, other_os, one_os},
    {"5373969", Errc::bad_request, bad_initiator, check_name},
    {"5373971", Errc::bad_request, bad_initiator, check_name},
    {"5373972", Errc::bad_request, bad_initiator, check_name},
    {"5373982", Errc::bad_request, bad_initiator, check_name},
    {"5373983", Errc::bad_request, bad_initiator, check_name},
    {"5373992", Errc::bad_request, bad_initiator, check_name},
    {"5373993", Errc::bad_request, bad_initiator, check_name},
    {"5374038", Errc::bad_request, bad_initiator, check_name},
    {"5374039", Errc::bad_request, bad_initiator, check_name},
};

bool mentions_lun_number(std::string_view message)
{
    constexpr std::string_view ways[] = {"lun id", "lun-id", "lun number", "logical unit number",
                                         "logical_unit_number"};
    return std::ranges::any_of(ways, [&](std::string_view way) { return contains_ignoring_case(message, way); });
}

} // namespace

bool is_worth_reading_again(const Error& error)
{
    constexpr std::string_view done_already[] = {already_in_this_igroup, "ontap_1254193", "ontap_5374023",
                                                 "ontap_5374035", "ontap_5374852"};
    return std::ranges::count(done_already, error.reason) > 0;
}

std::optional<Error> decode_error(const rest::Reply& reply, const rest::Json* json)
{
    const rest::Json* error = json != nullptr ? rest::find(*json, "error") : nullptr;
    ArrayWords words;
    if (error != nullptr && error->is_object())
        words = {rest::text_at(*error, "code"), rest::text_at(*error, "message")};
    else if (reply.status != 401)
        return std::nullopt;
    if (reply.status == 401)
        words.code = "401"; // whatever code it comes with
    auto explained = explain(rows, "ontap", words, reply.status);
    const bool known = std::ranges::find(rows, words.code, &ErrorRow::code) != std::end(rows);
    if (!known && reply.status >= 400 && reply.status < 500 && mentions_lun_number(words.message))
        return Error{Errc::busy, "the LUN number is taken: " + explained.message, "", std::string(number_taken)};
    return explained;
}

} // namespace xcopy::ontap
