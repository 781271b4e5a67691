// Pieces of URLs, and what of a text may be shown.
#pragma once

#include "vendors/secret.hpp"

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace xcopy::rest {

using Query = std::vector<std::pair<std::string, std::string>>;

std::string percent_encode(std::string_view text);             // everything but unreserved characters, so '/' too
std::string below(std::string_view path, std::string_view id); // path/id, where the id may be any text
std::string with_query(std::string_view path, const Query& query);

std::string origin_of(std::string_view url); // https://name:port
std::string path_of(std::string_view url);   // without query: that is where tokens hide

// The text with every secret in it replaced by ***. A secret of fewer than four characters is left: replacing it would
// only garble the text.
std::string redact(std::string text, std::span<const Secret> secrets);

std::string base64(std::string_view bytes);
std::optional<std::string> from_base64(std::string_view text); // line breaks within it are skipped

// Array messages end up in one line of a log: control characters become blanks, and what is too long is cut.
std::string one_line(std::string_view text, std::size_t longest = 500);

} // namespace xcopy::rest
