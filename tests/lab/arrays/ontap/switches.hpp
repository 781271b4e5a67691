// What is not certain about ONTAP, and what goes wrong only sometimes: each is a switch, so that drivers are tested
// against both sides. Set by config ("switches") and at run time by the control verb "set".
#pragma once

#include <nlohmann/json.hpp>

#include <cstdint>
#include <map>
#include <optional>
#include <string>

namespace lab::ontap {

struct Switches {
    // Identity
    std::string version = "9.15.1";
    bool san_optimized = false; // ASA
    bool disaggregated = false; // ASA r2, known to 9.16.1 and later only

    // Accounts
    std::string svm_scoped_account; // the name of an SVM: the login belongs to it and sees nothing else
    std::string unauthorized_code = "6691623";

    // Errors. Most HTTP statuses are inferred; error_status overrides the status of any code.
    std::map<std::string, int> error_status;
    std::string number_taken_code = "9024"; // ZAPI's; the REST code is not published
    int number_taken_status = 409;
    std::string number_taken_message = "LUN ID {} is already in use in this initiator group.";
    std::string map_missing_igroup_code = "5374878";

    // Records
    bool serial_hex = true;                 // false: the release does not know serial_number_hex
    bool reject_unknown_fields = true;      // false: names in "fields" that are not known are left out silently
    bool missing_serial_first_read = false; // a LUN's first listing lacks its serial number
    std::string initiator_case = "lower";   // as stored and returned: lower, upper, as_given
    int delayed_visibility = 0;             // this many readings do not show a new LUN …
    int delayed_map_visibility = 0;         // … or a new map
    bool short_page = false;                // an empty first page, then single records, each with "next"
    std::uint64_t largest_page = 10000;
    bool lowest_free_sees_other_igroups = true; // choosing a number avoids those its initiators see elsewhere

    // LUN copies
    int copy_polls = 2; // readings of the job until it is over
    bool copy_fails = false;
    int most_copies = 50;

    // The sentence says which name or value is wrong; nothing is changed then.
    std::optional<std::string> set(const nlohmann::json& values);

    static nlohmann::json uncertain(); // what the facts leave possible, the default first
};

} // namespace lab::ontap
