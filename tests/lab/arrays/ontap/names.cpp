#include "tests/lab/arrays/ontap/names.hpp"

#include <charconv>

namespace lab::ontap {

namespace {

constexpr std::string_view oui = "naa.600a0980";
constexpr std::size_t serial_length = 12;

// FNV-1a, then mixed (the finaliser of SplitMix64): not std::hash, which may differ from one library to the next.
std::uint64_t hash(std::string_view text)
{
    std::uint64_t value = 0xcbf29ce484222325U;
    for (const char letter : text)
        value = (value ^ static_cast<unsigned char>(letter)) * 0x100000001b3U;
    return value;
}

std::uint64_t mixed(std::uint64_t value)
{
    value += 0x9e3779b97f4a7c15U;
    value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9U;
    value = (value ^ (value >> 27)) * 0x94d049bb133111ebU;
    return value ^ (value >> 31);
}

} // namespace

Names::Names(std::string_view array) : seed_(hash(array)) {}

std::string Names::next_uuid()
{
    const auto high = mixed(seed_ + 2 * ++uuids_);
    const auto low = mixed(seed_ + 2 * uuids_ + 1);
    std::string bytes;
    for (int shift = 56; shift >= 0; shift -= 8)
        bytes += static_cast<char>(high >> shift);
    for (int shift = 56; shift >= 0; shift -= 8)
        bytes += static_cast<char>(low >> shift);
    bytes[6] = static_cast<char>((bytes[6] & 0x0f) | 0x40); // version 4
    bytes[8] = static_cast<char>((bytes[8] & 0x3f) | 0x80); // variant 1
    auto text = hex_of(bytes);
    for (const std::size_t at : {8U, 13U, 18U, 23U})
        text.insert(at, "-");
    return text;
}

std::string Names::next_serial()
{
    constexpr std::string_view odd = "$?-#+[]/*|!<>&,%";
    constexpr std::string_view digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";
    const auto count = serials_++;
    const auto pair = count / 2;

    std::string serial = "8";
    for (const int shift : {0, 8, 16})
        serial += digits[(mixed(seed_) >> shift) % digits.size()];
    serial += odd[pair % odd.size()];
    serial += count % 2 == 0 ? "LunC" : "lUNc";
    for (std::uint64_t divisor : {36U * 36U, 36U, 1U})
        serial += digits[pair / divisor % digits.size()];
    return serial;
}

std::string hex_of(std::string_view bytes)
{
    constexpr char digits[] = "0123456789abcdef";
    std::string text;
    for (const char letter : bytes) {
        const auto byte = static_cast<unsigned char>(letter);
        text.append({digits[byte >> 4], digits[byte & 15]});
    }
    return text;
}

std::string naa_of(std::string_view serial)
{
    return std::string(oui) + hex_of(serial);
}

std::optional<std::string> serial_of(std::string_view naa)
{
    if (!naa.starts_with(oui) || naa.size() != oui.size() + 2 * serial_length)
        return std::nullopt;
    std::string serial;
    for (auto at = naa.begin() + static_cast<std::ptrdiff_t>(oui.size()); at != naa.end(); at += 2) {
        unsigned value = 0;
        if (std::from_chars(&*at, &*at + 2, value, 16).ptr != &*at + 2 || value < 0x21 || value > 0x7e)
            return std::nullopt;
        serial += static_cast<char>(value);
    }
    return serial;
}

} // namespace lab::ontap
