#include "agent/esxi/clone_progress.hpp"

#include <algorithm>
#include <charconv>

namespace xcopy {

namespace {

constexpr std::size_t longest_line = 4096;
constexpr std::size_t longest_kept = 512;

// "Failed to clone disk using Object Cloning" is noise of every clone that goes another way (facts/esxi.md 6.1).
bool tells_failure(std::string_view text)
{
    return (text.find("Failed to ") != std::string_view::npos || text.find("Error") != std::string_view::npos) &&
           text.find("DISKLIB-LIB_CLONE") == std::string_view::npos;
}

std::string_view trimmed(std::string_view text)
{
    const auto blank = [](char c) { return c >= 0 && c <= ' '; };
    while (!text.empty() && blank(text.front()))
        text.remove_prefix(1);
    while (!text.empty() && blank(text.back()))
        text.remove_suffix(1);
    return text;
}

} // namespace

void CloneProgress::Stream::feed(std::string_view piece, CloneProgress& progress)
{
    for (char c : piece) {
        if (c == '\r' || c == '\n') {
            progress.see(line_);
            line_.clear();
        } else if (line_.size() < longest_line) {
            line_ += c;
        }
    }
    progress.see(line_); // the last one often comes without an end
}

void CloneProgress::see(std::string_view line)
{
    constexpr std::string_view before = "Clone: ";
    constexpr std::string_view after = "% done";
    std::string_view behind; // text that follows the progress on its line
    for (auto at = line.find(before); at != std::string_view::npos; at = line.find(before, at + 1)) {
        const std::string_view rest = line.substr(at + before.size());
        int value = 0;
        const auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), value);
        const std::string_view tail = rest.substr(static_cast<std::size_t>(end - rest.data()));
        if (error != std::errc{} || !tail.starts_with(after) || value < 0 || value > 100)
            continue;
        percent_ = std::max(percent_, value);
        behind = tail.substr(after.size());
        if (behind.starts_with('.'))
            behind.remove_prefix(1);
    }
    std::string_view text = trimmed(behind);
    if (text.empty())
        text = trimmed(line);
    text = text.substr(0, longest_kept);
    if (text.empty())
        return;
    last_ = text;
    if (tells_failure(text))
        failure_ = text;
}

} // namespace xcopy
