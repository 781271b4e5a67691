#include "vendors/config_check.hpp"

#include "vendors/text.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <charconv>
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

std::string ConfigCheck::need(const std::string& key)
{
    auto value = may_have(key);
    if (value.empty())
        complain(key + " is empty");
    return value;
}

std::string ConfigCheck::may_have(const std::string& key) const
{
    return std::string(trim(config_.extra_or_empty(key)));
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
    if (const auto seconds = may_have("STORAGE_HTTP_TIMEOUT_SECONDS"); !seconds.empty()) {
        int value = 0;
        const auto [end, problem] = std::from_chars(seconds.data(), seconds.data() + seconds.size(), value);
        if (problem != std::errc{} || end != seconds.data() + seconds.size() || value < 1 || value > longest_timeout_s)
            complain(fmt::format("STORAGE_HTTP_TIMEOUT_SECONDS '{}' is not a number from 1 to {}", seconds,
                                 longest_timeout_s));
        else
            rules.request_limit = std::chrono::seconds(value);
    }
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
