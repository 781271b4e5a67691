#include "vib-packaging/installer/vib.hpp"

#include <fmt/format.h>
#include <pugixml.hpp>

#include <charconv>
#include <fstream>
#include <iterator>

namespace xcopy::installer {

namespace {

constexpr std::string_view archive_magic = "!<arch>\n";
constexpr std::size_t header_bytes = 60; // of a member: name 16, date 12, owner 6, group 6, mode 8, size 10, magic 2
constexpr std::size_t size_at = 48;

Error no_vib(std::string_view why)
{
    return {Errc::bad_request, fmt::format("this is no VIB: {}", why), "give the .vib file of an xcopy release",
            "bad_vib"};
}

// The member that begins at `at`, which moves behind it; empty where the archive is cut off.
Result<std::string_view> next_member(std::string_view archive, std::size_t& at, std::string_view name)
{
    if (archive.size() < at + header_bytes || archive.substr(at, name.size()) != name)
        return no_vib(fmt::format("its archive has no {} where it should be", name));
    const auto digits = archive.substr(at + size_at, 10);
    std::size_t size = 0;
    const auto [end, problem] = std::from_chars(digits.data(), digits.data() + digits.size(), size);
    at += header_bytes;
    if (problem != std::errc{} || size > archive.size() - at)
        return no_vib(fmt::format("{} is cut off", name));
    const auto content = archive.substr(at, size);
    at += size + size % 2;
    return content;
}

} // namespace

Result<Vib> parse_vib(std::string bytes)
{
    const std::string_view archive = bytes;
    if (!archive.starts_with(archive_magic))
        return no_vib("it is not an ar archive");
    std::size_t at = archive_magic.size();
    auto descriptor = next_member(archive, at, "descriptor.xml");
    if (!descriptor)
        return descriptor.error();
    pugi::xml_document document;
    if (!document.load_buffer(descriptor->data(), descriptor->size()))
        return no_vib("its descriptor is not XML");
    const auto vib = document.child("vib");
    Vib result{.name = vib.child_value("name"),
               .version = vib.child_value("version"),
               .vendor = vib.child_value("vendor"),
               .acceptance = vib.child_value("acceptance-level"),
               .bytes = {}};
    if (result.name.empty() || result.version.empty() || result.vendor.empty())
        return no_vib("its descriptor lacks name, version or vendor");
    if (auto signature = next_member(archive, at, "sig.pkcs7"); !signature)
        return signature.error();
    const auto payload = vib.child("payloads").child("payload");
    auto stored = next_member(archive, at, payload.attribute("name").value());
    if (!stored)
        return stored.error();
    if (stored->size() != payload.attribute("size").as_ullong())
        return no_vib("its payload is not as long as its descriptor says");
    result.bytes = std::move(bytes);
    return result;
}

Result<Vib> read_vib_file(const std::string& path)
{
    std::ifstream file(path, std::ios::binary);
    if (!file)
        return Error{Errc::not_found, fmt::format("cannot read the VIB '{}'", path),
                     "name the .vib file of an xcopy release with --vib-path", "bad_vib"};
    std::string bytes(max_vib_bytes + 1, '\0');
    file.read(bytes.data(), static_cast<std::streamsize>(bytes.size()));
    bytes.resize(static_cast<std::size_t>(file.gcount()));
    if (bytes.size() > max_vib_bytes)
        return no_vib(fmt::format("'{}' is larger than any of ours", path));
    auto vib = parse_vib(std::move(bytes));
    return vib ? std::move(vib) : vib.error().in(fmt::format("'{}'", path));
}

std::strong_ordering compare_versions(std::string_view a, std::string_view b)
{
    const auto next = [](std::string_view& text) {
        std::uint64_t number = 0;
        const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), number);
        if (problem != std::errc{})
            number = 0;
        text.remove_prefix(static_cast<std::size_t>(end - text.data()));
        if (!text.empty())
            text.remove_prefix(1); // a dot, a dash, or what is no number
        return number;
    };
    while (!a.empty() || !b.empty())
        if (const auto order = next(a) <=> next(b); order != std::strong_ordering::equal)
            return order;
    return std::strong_ordering::equal;
}

} // namespace xcopy::installer
