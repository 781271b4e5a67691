#include "vendors/rest/json.hpp"

#include "protocol/number.hpp"

#include <nlohmann/json.hpp>

#include <utility>

namespace xcopy::rest {

namespace {

bool is_too_deep(std::string_view text)
{
    int depth = 0;
    bool in_string = false;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const char c = text[i];
        if (in_string) {
            if (c == '\\')
                ++i;
            else if (c == '"')
                in_string = false;
        } else if (c == '"') {
            in_string = true;
        } else if (c == '{' || c == '[') {
            if (++depth > max_json_depth)
                return true;
        } else if (c == '}' || c == ']') {
            --depth;
        }
    }
    return false;
}

} // namespace

Result<Json> parse_json(std::string_view text)
{
    if (is_too_deep(text))
        return Error{Errc::failed, "the reply is nested too deeply"};
    Json json = Json::parse(text, nullptr, false);
    if (json.is_discarded())
        return Error{Errc::failed, "the reply is not JSON"};
    return as_result(std::move(json));
}

Result<Json> as_result(Json json)
{
    return Result<Json>(boost::system::in_place_value, std::move(json));
}

std::string to_text(const Json& json)
{
    return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

const Json* find(const Json& json, std::string_view path)
{
    const Json* at = &json;
    while (!path.empty()) {
        const auto dot = path.find('.');
        if (!at->is_object())
            return nullptr;
        const auto member = at->find(std::string(path.substr(0, dot)));
        if (member == at->end())
            return nullptr;
        at = &*member;
        path.remove_prefix(dot == std::string_view::npos ? path.size() : dot + 1);
    }
    return at;
}

std::string text_at(const Json& json, std::string_view path)
{
    const Json* value = find(json, path);
    if (value == nullptr)
        return {};
    if (value->is_string())
        return value->get<std::string>();
    return value->is_number_integer() || value->is_boolean() ? value->dump() : std::string();
}

std::string first_text_at(const Json& json, std::initializer_list<std::string_view> paths)
{
    for (const std::string_view path : paths)
        if (auto text = text_at(json, path); !text.empty())
            return text;
    return {};
}

std::optional<std::int64_t> number_at(const Json& json, std::string_view path)
{
    return whole_number<std::int64_t>(text_at(json, path));
}

const Json& list_at(const Json& json, std::string_view path)
{
    static const Json none = Json::array();
    const Json* value = find(json, path);
    return value != nullptr && value->is_array() ? *value : none;
}

std::vector<Json> records_at(const Json& json, std::string_view path)
{
    const Json& list = path.empty() && json.is_array() ? json : list_at(json, path);
    return {list.begin(), list.end()};
}

std::vector<std::string> texts_at(const Json& json, std::string_view path)
{
    std::vector<std::string> texts;
    for (const Json& one : list_at(json, path))
        if (one.is_string())
            texts.push_back(one.get<std::string>());
    return texts;
}

std::vector<std::string> names_at(const Json& json, std::string_view path)
{
    std::vector<std::string> names;
    for (const Json& one : list_at(json, path))
        if (auto name = one.is_string() ? one.get<std::string>() : text_at(one, "name"); !name.empty())
            names.push_back(std::move(name));
    return names;
}

bool is_true(const Json& json, std::string_view path)
{
    return text_at(json, path) == "true";
}

} // namespace xcopy::rest
