// A value that must never be printed. It has no operator<< and no formatter that shows it, and leaves no trace in memory.
#pragma once

#include <fmt/core.h>

#include <cstring>
#include <string>
#include <string_view>
#include <utility>

namespace xcopy {

class Secret {
public:
    Secret() = default;
    explicit Secret(std::string value) : value_(std::move(value)) {}
    Secret(const Secret&) = default;
    Secret(Secret&& other) noexcept { value_.swap(other.value_); }
    Secret& operator=(Secret other) noexcept
    {
        value_.swap(other.value_);
        return *this;
    }
    ~Secret() { ::explicit_bzero(value_.data(), value_.size()); }

    const std::string& reveal() const { return value_; } // only where it goes onto the wire
    bool empty() const { return value_.empty(); }

    bool operator==(const Secret&) const = default;

private:
    std::string value_;
};

} // namespace xcopy

template <> struct fmt::formatter<xcopy::Secret> : fmt::formatter<std::string_view> {
    template <class Context> auto format(const xcopy::Secret&, Context& context) const
    {
        return fmt::formatter<std::string_view>::format("***", context);
    }
};
