// The VIB that is to be installed: what it says about itself.
#pragma once

#include "protocol/error.hpp"

#include <compare>
#include <string>
#include <string_view>

namespace xcopy::installer {

struct Vib {
    std::string name;    // xcopy-agent
    std::string version; // 0.1.0-0.0.1
    std::string vendor;
    std::string acceptance; // community, partner …
    std::string bytes;
};

constexpr std::size_t max_vib_bytes = std::size_t{64} << 20U;

// Reads the archive's first member, descriptor.xml, and checks that the payload is as long as it says.
Result<Vib> parse_vib(std::string bytes);
Result<Vib> read_vib_file(const std::string& path);

// "1.10.0-0.0.2" after "1.9.0-0.0.2": numbers are compared as numbers.
std::strong_ordering compare_versions(std::string_view a, std::string_view b);

} // namespace xcopy::installer
