#include "agent/esxi/processes.hpp"

#include <algorithm>

namespace xcopy {

namespace {

bool is_part_of_a_name(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '.' || c == '_';
}

bool is_own(std::string_view line, const OwnWords& own)
{
    const auto at = line.rfind(own.program); // the world may have the same name
    return at != std::string_view::npos && line.find(" " + own.argument, at) != std::string_view::npos;
}

bool names_device(std::string_view line, std::string_view path)
{
    for (auto at = line.find(path); at != std::string_view::npos; at = line.find(path, at + 1)) {
        const auto end = at + path.size();
        if (end == line.size() || !is_part_of_a_name(line[end])) // ":1" is a partition of it
            return true;
    }
    return false;
}

bool names_by_vml(std::string_view line, std::string_view digits)
{
    constexpr std::string_view begin = "disks/vml.";
    for (auto at = line.find(begin); at != std::string_view::npos; at = line.find(begin, at + 1)) {
        const auto name = line.substr(at + begin.size());
        const auto end = std::find_if_not(name.begin(), name.end(), is_part_of_a_name);
        if (std::string_view(name.begin(), end).find(digits) != std::string_view::npos)
            return true;
    }
    return false;
}

} // namespace

Result<std::vector<std::string>> vmkfstools_in(std::string_view listing, const OwnWords& own)
{
    std::vector<std::string> found;
    bool is_understood = false;
    for (std::size_t at = 0; at < listing.size();) {
        const auto end = std::min(listing.find('\n', at), listing.size());
        const auto line = listing.substr(at, end - at);
        at = end + 1;
        is_understood = is_understood || is_own(line, own);
        if (line.find("vmkfstools") != std::string_view::npos)
            found.emplace_back(line);
    }
    if (!is_understood)
        return Error{Errc::unsupported, "ps -c does not list this very program with its arguments",
                     "see on the host that no vmkfstools of anybody else writes to the targets",
                     "processes_unreadable"};
    return found;
}

std::string first_about(const std::vector<std::string>& lines, std::string_view naa)
{
    constexpr std::size_t shortest_name = 16; // digits
    const auto path = "disks/" + std::string(naa);
    const auto digits = naa.substr(naa.find('.') + 1);
    const auto found = std::ranges::find_if(lines, [&](const auto& line) {
        return names_device(line, path) || (digits.size() >= shortest_name && names_by_vml(line, digits));
    });
    return found == lines.end() ? std::string() : *found;
}

} // namespace xcopy
