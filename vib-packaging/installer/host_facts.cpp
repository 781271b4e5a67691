#include "vib-packaging/installer/host_facts.hpp"

#include "agent/esxi/esxcli_xml.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <charconv>
#include <ctime>

namespace xcopy::installer {

namespace {

std::vector<EsxcliRecord> records(std::string_view xml)
{
    auto reply = parse_esxcli_xml(xml);
    return reply ? std::move(reply->records) : std::vector<EsxcliRecord>();
}

std::string trimmed(std::string text)
{
    const auto first = text.find_first_not_of(" \t\r\n");
    if (first == std::string::npos)
        return {};
    return text.substr(first, text.find_last_not_of(" \t\r\n") - first + 1);
}

// "262144 KiB"
std::optional<std::int64_t> kib(const std::string& text)
{
    std::int64_t number = 0;
    const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (problem != std::errc{} || text.find("KiB") == std::string::npos)
        return std::nullopt;
    return number;
}

} // namespace

std::optional<bool> parse_secure_boot(std::string_view text)
{
    if (text.find("Enabled") != std::string_view::npos)
        return true;
    if (text.find("Disabled") != std::string_view::npos)
        return false;
    return std::nullopt;
}

std::optional<std::int64_t> parse_utc_time(std::string_view text)
{
    std::tm when{};
    const auto line = trimmed(std::string(text));
    const char* end = ::strptime(line.c_str(), "%Y-%m-%dT%H:%M:%SZ", &when);
    if (!end || *end != '\0')
        return std::nullopt;
    return ::timegm(&when);
}

std::optional<std::int64_t> parse_tmp_free_kib(std::string_view ramdisks_xml)
{
    for (const auto& disk : records(ramdisks_xml)) {
        const auto maximum = kib(disk.text("maximum"));
        const auto used = kib(disk.text("used"));
        if (disk.text("ramdiskname") == "tmp" && maximum && used)
            return *maximum - *used;
    }
    return std::nullopt;
}

std::string parse_listener(std::string_view connections_xml, std::uint16_t port)
{
    for (const auto& one : records(connections_xml))
        if (one.text("localaddress").ends_with(fmt::format(":{}", port)) && one.text("state") == "LISTEN")
            return fmt::format("{} (world {})", one.text("worldname"), one.text("worldid"));
    return {};
}

std::optional<Ruleset> parse_ruleset(std::string_view ruleset_xml, std::string_view allowed_xml)
{
    const auto sets = records(ruleset_xml);
    if (sets.size() != 1)
        return std::nullopt;
    Ruleset set{.enabled = sets.front().flag("enabled"), .allowed_all = false};
    for (const auto& one : records(allowed_xml)) {
        std::string list = one.text("allowedipaddresses");
        for (std::size_t at = 0; at <= list.size();) {
            const auto comma = std::min(list.find(',', at), list.size());
            const auto item = trimmed(list.substr(at, comma - at));
            if (item == "All")
                set.allowed_all = true;
            else if (!item.empty())
                set.allowed.push_back(item);
            at = comma + 1;
        }
    }
    return set;
}

std::optional<bool> parse_kernel_flag(std::string_view settings_xml)
{
    const auto settings = records(settings_xml);
    if (settings.size() != 1 || !settings.front().has("runtime"))
        return std::nullopt;
    return settings.front().flag("runtime");
}

Enrolment parse_enrolment(std::string_view text)
{
    const auto status = nlohmann::json::parse(text, nullptr, false);
    if (!status.is_object())
        return {};
    const auto word = [&](const char* key) {
        const auto found = status.find(key);
        return found != status.end() && found->is_string() ? found->get<std::string>() : std::string();
    };
    Enrolment enrolment{.state = word("state"), .problem = word("problem")};
    if (const auto days = status.find("days_left"); days != status.end() && days->is_number_integer())
        enrolment.days_left = days->get<std::int64_t>();
    if (const auto saved = status.find("saved"); saved != status.end() && saved->is_boolean())
        enrolment.saved = saved->get<bool>();
    return enrolment;
}

std::string parse_field(std::string_view xml, std::string_view key)
{
    const auto all = records(xml);
    return all.empty() ? std::string() : trimmed(all.front().text(key));
}

std::string parse_text(std::string_view xml)
{
    auto reply = parse_esxcli_xml(xml);
    return reply ? trimmed(reply->text) : std::string();
}

} // namespace xcopy::installer
