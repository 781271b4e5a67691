#include "vendors/config_check.hpp"

#include "vendors/text.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <chrono>
#include <utility>

namespace xcopy {

namespace {

constexpr int longest_timeout_s = 3600;

bool names_a_port(std::string_view url) // https://name, https://name:8443, https://[::1]:8443
{
    const auto colon = url.rfind(':');
    return colon > url.find("://") && url.find(']', colon) == std::string_view::npos;
}

} // namespace

ConfigCheck::ConfigCheck(const ArrayConfig& config, std::string_view array, std::string_view page)
    : config_(config), array_(array), page_(page)
{}

void ConfigCheck::need_account()
{
    if (config_.username.empty())
        complain("STORAGE_USERNAME is empty");
    if (config_.password.empty())
        complain("STORAGE_PASSWORD is empty");
}

std::string ConfigCheck::need(const std::string& key, const char* form, std::string_view what)
{
    auto value = may_have(key, form, what);
    if (value.empty())
        complain(key + " is empty");
    return value;
}

std::string ConfigCheck::may_have(const std::string& key, const char* form, std::string_view what)
{
    std::string value(trim(config_.extra_or_empty(key)));
    if (!value.empty() && form && !parts_of(value, form))
        complain(fmt::format("{} '{}' is not {}", key, value, what));
    return value;
}

std::vector<std::vector<std::string>> ConfigCheck::list(const std::string& key, char separator, const char* form,
                                                        std::string_view what)
{
    std::vector<std::vector<std::string>> items;
    const auto value = may_have(key);
    for (const auto& item : value.empty() ? std::vector<std::string>() : split(value, separator)) {
        if (auto parts = parts_of(item, form))
            items.push_back(std::move(*parts));
        else
            complain(fmt::format("{}: '{}' is no {}", key, item, what));
    }
    return items;
}

int ConfigCheck::number(const std::string& key, int from, int to, int where_absent)
{
    const auto text = may_have(key);
    const auto value = text.empty() ? where_absent : to_int(text).value_or(from - 1);
    if (value < from || value > to)
        complain(fmt::format("{} '{}' is not a number from {} to {}", key, text, from, to));
    return value;
}

void ConfigCheck::complain(std::string problem)
{
    problems_.push_back(std::move(problem));
}

Result<rest::ApiRules> ConfigCheck::rules(int default_port, int second_port)
{
    rest::ApiRules rules;
    if (const auto url = base_url(config_.hostname)) {
        rules.base_url = *url;
        if (second_port != 0 && !names_a_port(*url))
            rules.second_url = fmt::format("{}:{}", *url, second_port);
        if (default_port != 443 && !names_a_port(*url))
            rules.base_url += fmt::format(":{}", default_port);
    } else {
        complain(url.error().message);
    }
    const auto usual_limit = std::chrono::round<std::chrono::seconds>(rules.request_limit).count();
    rules.request_limit = std::chrono::seconds(
        number("STORAGE_HTTP_TIMEOUT_SECONDS", 1, longest_timeout_s, static_cast<int>(usual_limit)));
    if (!problems_.empty())
        return Error{Errc::bad_request, fmt::format("{}: {}", array_, fmt::join(problems_, "; ")),
                     fmt::format("complete the array's secret, see docs/arrays/{}.md", page_), "bad_array_config"};
    rules.array = fmt::format("{} at {}", array_, rules.base_url.substr(rules.base_url.find("://") + 3));
    rules.tls = {
        .ca_file = config_.ca_file, .ca_pem = config_.ca_pem, .skip_verification = config_.skip_tls_verification};
    rules.headers = {{"Accept", "application/json"}};
    return rules;
}

} // namespace xcopy
