#include "agent/http/message.hpp"

#include "protocol/json.hpp"

namespace xcopy::http {

namespace {

int hex(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

std::optional<std::string> decoded(std::string_view text, bool plus_is_blank)
{
    std::string out;
    out.reserve(text.size());
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '+' && plus_is_blank) {
            out += ' ';
        } else if (text[i] != '%') {
            out += text[i];
        } else {
            const int high = i + 1 < text.size() ? hex(text[i + 1]) : -1;
            const int low = i + 2 < text.size() ? hex(text[i + 2]) : -1;
            if (high < 0 || low < 0)
                return std::nullopt;
            out += static_cast<char>(high * 16 + low);
            i += 2;
        }
    }
    return out;
}

} // namespace

std::string_view name(Verb verb)
{
    switch (verb) {
    case Verb::get:
        return "GET";
    case Verb::put:
        return "PUT";
    case Verb::post:
        return "POST";
    case Verb::remove:
        return "DELETE";
    case Verb::other:
        return "other";
    }
    return "other";
}

Reply refuse(const Error& error)
{
    Reply reply;
    reply.status = http_status(error.code);
    reply.body = encode(reply_from(error));
    return reply;
}

bool split_target(Request& request)
{
    std::string_view target = request.target;
    if (!target.starts_with('/'))
        return false;
    const auto mark = target.find('?');
    std::string_view path = target.substr(1, mark == std::string_view::npos ? mark : mark - 1);
    std::string_view query = mark == std::string_view::npos ? std::string_view() : target.substr(mark + 1);
    while (!path.empty()) {
        const auto slash = path.find('/');
        auto segment = decoded(path.substr(0, slash), false);
        if (!segment)
            return false;
        request.segments.push_back(std::move(*segment));
        path.remove_prefix(slash == std::string_view::npos ? path.size() : slash + 1);
    }
    while (!query.empty()) {
        const auto end = query.find('&');
        const auto pair = query.substr(0, end);
        const auto equals = pair.find('=');
        auto key = decoded(pair.substr(0, equals), true);
        auto value =
            equals == std::string_view::npos ? std::optional<std::string>("") : decoded(pair.substr(equals + 1), true);
        if (!key || !value)
            return false;
        request.query[std::move(*key)] = std::move(*value);
        query.remove_prefix(end == std::string_view::npos ? query.size() : end + 1);
    }
    return true;
}

std::optional<std::string> match(std::string_view pattern, const std::vector<std::string>& segments)
{
    std::string argument;
    pattern.remove_prefix(1);
    for (const auto& segment : segments) {
        const auto slash = pattern.find('/');
        const auto part = pattern.substr(0, slash);
        if (part.starts_with('{'))
            argument = segment;
        else if (part != segment)
            return std::nullopt;
        pattern.remove_prefix(slash == std::string_view::npos ? pattern.size() : slash + 1);
        if (pattern.empty())
            return &segment == &segments.back() ? std::optional(argument) : std::nullopt;
    }
    return std::nullopt;
}

} // namespace xcopy::http
