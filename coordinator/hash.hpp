// FNV-1a: the same on every machine and in every release, which std::hash is not.
#pragma once

#include <cstdint>
#include <string_view>

namespace xcopy {

constexpr std::uint64_t stable_hash(std::string_view text)
{
    std::uint64_t hash = 14695981039346656037ULL;
    for (char c : text) {
        hash ^= static_cast<unsigned char>(c);
        hash *= 1099511628211ULL;
    }
    return hash ^ (hash >> 32); // FNV's low bits alone are poor for short texts
}

} // namespace xcopy
