// The patterns that values of query parameters are.
#pragma once

#include <string>
#include <string_view>

namespace lab::ontap {

// "a*" wildcard, "a|b" and "a,b" alternatives, "!a" not, "<5" ">5" "<=5" ">=5" "1..5" numbers; text inside "…" or {…}
// is literal. Case matters.
bool matches(std::string_view pattern, const std::string& value);

} // namespace lab::ontap
