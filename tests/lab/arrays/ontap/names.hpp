// UUIDs, serial numbers and NAA names: the same for the same array name and order, so that failures can be repeated.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace lab::ontap {

class Names {
public:
    explicit Names(std::string_view array);

    std::string next_uuid();

    // Twelve characters, unique, with the odd ones that real serials have. Every second one differs from the one before
    // only by the case of its letters: whoever folds case meets another LUN.
    std::string next_serial();

private:
    std::uint64_t seed_;
    std::uint64_t uuids_ = 0;
    std::uint64_t serials_ = 0;
};

std::string hex_of(std::string_view bytes);
std::string naa_of(std::string_view serial);                // "naa.600a0980" and 24 hex digits
std::optional<std::string> serial_of(std::string_view naa); // nothing unless it is such a name

} // namespace lab::ontap
