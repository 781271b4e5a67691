#include "coordinator/kube/text_file.hpp"

#include <fmt/format.h>

#include <cerrno>
#include <cstring>
#include <fstream>

namespace xcopy::kube {

namespace {

constexpr std::size_t longest = std::size_t{1024} * 1024;

} // namespace

Result<std::string> read_text(const std::filesystem::path& file)
{
    std::ifstream in(file, std::ios::binary);
    if (!in)
        return Error{Errc::bad_request, fmt::format("cannot read {}: {}", file.string(), std::strerror(errno))};
    std::string text(longest + 1, '\0');
    in.read(text.data(), static_cast<std::streamsize>(text.size()));
    text.resize(static_cast<std::size_t>(in.gcount()));
    if (in.bad() || text.size() > longest)
        return Error{Errc::bad_request,
                     fmt::format("{} is larger than {} bytes or not a file", file.string(), longest)};
    return text;
}

std::string_view trimmed(std::string_view text)
{
    constexpr std::string_view blanks = " \t\r\n";
    const auto first = text.find_first_not_of(blanks);
    if (first == std::string_view::npos)
        return {};
    return text.substr(first, text.find_last_not_of(blanks) - first + 1);
}

} // namespace xcopy::kube
