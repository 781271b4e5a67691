#include "tests/lab/arrays/ontap/switches.hpp"

#include <nlohmann/json.hpp>

#include <functional>

namespace lab::ontap {

namespace {

using Setter = std::function<void(Switches&, const nlohmann::json&)>;

template <class Member> Setter into(Member Switches::*member)
{
    return [member](Switches& switches, const nlohmann::json& value) { value.get_to(switches.*member); };
}

const std::map<std::string, Setter>& setters()
{
    static const std::map<std::string, Setter> table = {
        {"version", into(&Switches::version)},
        {"san_optimized", into(&Switches::san_optimized)},
        {"disaggregated", into(&Switches::disaggregated)},
        {"svm_scoped_account", into(&Switches::svm_scoped_account)},
        {"unauthorized_code", into(&Switches::unauthorized_code)},
        {"error_status", into(&Switches::error_status)},
        {"duplicate_map_status", [](Switches& s, const nlohmann::json& v) { v.get_to(s.error_status["1254207"]); }},
        {"number_taken_code", into(&Switches::number_taken_code)},
        {"number_taken_status", into(&Switches::number_taken_status)},
        {"number_taken_message", into(&Switches::number_taken_message)},
        {"map_missing_igroup_code", into(&Switches::map_missing_igroup_code)},
        {"serial_hex", into(&Switches::serial_hex)},
        {"reject_unknown_fields", into(&Switches::reject_unknown_fields)},
        {"missing_serial_first_read", into(&Switches::missing_serial_first_read)},
        {"initiator_case", into(&Switches::initiator_case)},
        {"delayed_visibility", into(&Switches::delayed_visibility)},
        {"delayed_map_visibility", into(&Switches::delayed_map_visibility)},
        {"short_page", into(&Switches::short_page)},
        {"largest_page", into(&Switches::largest_page)},
        {"lowest_free_sees_other_igroups", into(&Switches::lowest_free_sees_other_igroups)},
        {"copy_polls", into(&Switches::copy_polls)},
        {"copy_fails", into(&Switches::copy_fails)},
        {"most_copies", into(&Switches::most_copies)},
    };
    return table;
}

} // namespace

std::optional<std::string> Switches::set(const nlohmann::json& values)
{
    Switches next = *this;
    for (const auto& [name, value] : values.items()) {
        const auto setter = setters().find(name);
        if (setter == setters().end())
            return "no such switch: " + name;
        try {
            setter->second(next, value);
        } catch (const nlohmann::json::exception&) {
            return "switch " + name + " does not take " + value.dump();
        }
    }
    *this = std::move(next);
    return std::nullopt;
}

nlohmann::json Switches::uncertain()
{
    using nlohmann::json;
    return {{"unauthorized_code", json::array({"6691623", "4"})},
            {"error_status", json::array({json::object(), {{"1254207", 400}, {"5374922", 400}, {"5374023", 400}}})},
            {"number_taken_code", json::array({"9024", "2"})},
            {"number_taken_status", json::array({409, 400})},
            {"map_missing_igroup_code", json::array({"5374878", "5374852"})},
            {"serial_hex", json::array({true, false})},
            {"reject_unknown_fields", json::array({true, false})},
            {"missing_serial_first_read", json::array({false, true})},
            {"initiator_case", json::array({"lower", "upper", "as_given"})},
            {"delayed_visibility", json::array({0, 2})},
            {"delayed_map_visibility", json::array({0, 1})},
            {"short_page", json::array({false, true})},
            {"lowest_free_sees_other_igroups", json::array({true, false})}};
}

} // namespace lab::ontap
