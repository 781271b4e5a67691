#include "coordinator/ssh/shell_words.hpp"

#include <algorithm>

namespace xcopy {

namespace {

bool is_plain(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           std::string_view("-_./:,+@%").find(c) != std::string_view::npos;
}

} // namespace

std::string shell_word(std::string_view word)
{
    if (!word.empty() && std::ranges::all_of(word, is_plain))
        return std::string(word);
    std::string quoted = "'";
    for (char c : word) {
        if (c == '\'')
            quoted += "'\\''"; // end the quotes, one quote by itself, begin them again
        else
            quoted += c;
    }
    return quoted + "'";
}

std::string shell_line(std::span<const std::string> words)
{
    std::string line;
    for (const auto& word : words)
        line.append(line.empty() ? "" : " ").append(shell_word(word));
    return line;
}

} // namespace xcopy
