#include "tests/lab/host/vib.hpp"

#include <fmt/format.h>
#include <openssl/evp.h>
#include <pugixml.hpp>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <map>
#include <optional>
#include <zlib.h>

namespace lab {

namespace {

struct Member {
    std::string name;
    std::string content;
};

std::optional<std::vector<Member>> read_ar(const std::string& bytes)
{
    if (!bytes.starts_with("!<arch>\n"))
        return std::nullopt;
    std::vector<Member> members;
    for (std::size_t at = 8; at + 60 <= bytes.size();) {
        auto name = bytes.substr(at, 16);
        name.erase(name.find_last_not_of(' ') + 1);
        const auto size = static_cast<std::size_t>(std::atoll(bytes.substr(at + 48, 10).c_str()));
        if (bytes.substr(at + 58, 2) != "`\n" || at + 60 + size > bytes.size())
            return std::nullopt;
        members.push_back({name, bytes.substr(at + 60, size)});
        at += 60 + size + size % 2;
    }
    return members;
}

std::optional<std::string> gunzip(const std::string& packed)
{
    z_stream stream{};
    if (inflateInit2(&stream, 16 + MAX_WBITS) != Z_OK)
        return std::nullopt;
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(packed.data()));
    stream.avail_in = static_cast<uInt>(packed.size());
    std::string all;
    std::array<char, 65536> piece{};
    int state = Z_OK;
    while (state == Z_OK) {
        stream.next_out = reinterpret_cast<Bytef*>(piece.data());
        stream.avail_out = piece.size();
        state = inflate(&stream, Z_NO_FLUSH);
        all.append(piece.data(), piece.size() - stream.avail_out);
    }
    inflateEnd(&stream);
    return state == Z_STREAM_END ? std::optional(all) : std::nullopt;
}

std::string digest(const char* kind, const std::string& bytes)
{
    std::array<unsigned char, EVP_MAX_MD_SIZE> sum{};
    unsigned length = 0;
    EVP_Digest(bytes.data(), bytes.size(), sum.data(), &length, EVP_get_digestbyname(kind), nullptr);
    std::string hex;
    for (unsigned i = 0; i < length; ++i)
        hex += fmt::format("{:02x}", sum[i]);
    return hex;
}

std::vector<VibFile> read_tar(const std::string& tar)
{
    std::vector<VibFile> files;
    for (std::size_t at = 0; at + 512 <= tar.size() && tar[at] != '\0';) {
        const auto field = [&](std::size_t from, std::size_t length) {
            const auto text = tar.substr(at + from, length);
            return text.substr(0, text.find('\0'));
        };
        const auto size = std::stoull("0" + field(124, 12), nullptr, 8);
        const bool folder = tar[at + 156] == '5';
        auto name = field(345, 155).empty() ? field(0, 100) : field(345, 155) + "/" + field(0, 100);
        while (name.ends_with('/'))
            name.pop_back();
        files.push_back({name, static_cast<unsigned>(std::stoul("0" + field(100, 8), nullptr, 8)), folder,
                         tar.substr(at + 512, size)});
        at += 512 + (size + 511) / 512 * 512;
    }
    return files;
}

bool may_hold(const std::string& path) // what a community VIB may put where (facts 3.3)
{
    constexpr const char* places[] = {"opt/",
                                      "etc/init.d/",
                                      "etc/config/",
                                      "etc/vmware/firewall/",
                                      "etc/vmware/service/",
                                      "usr/lib/vmware/",
                                      "etc/vmware/shutdown/shutdown.d/"};
    return std::any_of(std::begin(places), std::end(places),
                       [&](const char* place) { return path.starts_with(place); });
}

std::optional<VibRefusal> check_sums(const pugi::xml_node& payload, const std::string& packed, const std::string& tar,
                                     const std::string& id, const std::string& esxi)
{
    bool has_gunzip_256 = false;
    bool first = true;
    for (const auto& sum : payload.children("checksum")) {
        const std::string kind = sum.attribute("checksum-type").value();
        const bool unpacked = std::string(sum.attribute("verify-process").value()) == "gunzip";
        const auto wanted = std::string(sum.text().as_string());
        const auto found = digest(kind == "sha-256" ? "SHA256" : "SHA1", unpacked ? tar : packed);
        has_gunzip_256 = has_gunzip_256 || (unpacked && kind == "sha-256");
        const bool stumbles = first && !unpacked && !esxi.starts_with("8") && !esxi.starts_with("9");
        if (stumbles || found != wanted)
            return VibRefusal{
                "InstallationError",
                fmt::format("Calculated digest at EOF does not match expected result: {} calculated, {} expected",
                            stumbles ? digest("SHA256", tar) : found, wanted)};
        first = false;
    }
    if (!has_gunzip_256 && (esxi.starts_with("8") || esxi.starts_with("9")))
        return VibRefusal{"ProfileValidationError",
                          fmt::format("VIB {} does not have sha-256 gunzip checksum. This will prevent VIB security "
                                      "verification and secure boot from functioning properly.",
                                      id)};
    return std::nullopt;
}

} // namespace

std::variant<Vib, VibRefusal> read_vib(const std::string& bytes, const std::string& esxi)
{
    const auto members = read_ar(bytes);
    pugi::xml_document document;
    if (!members || members->size() < 3 || members->at(0).name != "descriptor.xml" ||
        members->at(1).name != "sig.pkcs7" ||
        !document.load_buffer(members->at(0).content.data(), members->at(0).content.size()))
        return VibRefusal{"VibFormatError", "The file is not a VIB."};
    const auto root = document.child("vib");
    const auto text = [&](const char* name) { return std::string(root.child(name).text().as_string()); };
    Vib vib{.name = text("name"),
            .version = text("version"),
            .vendor = text("vendor"),
            .summary = text("summary"),
            .acceptance = text("acceptance-level"),
            .minimum_esxi =
                root.child("relationships").child("depends").child("constraint").attribute("version").value(),
            .files = {}};
    const auto payload = root.child("payloads").child("payload");
    const auto& packed = members->at(2).content;
    const auto tar = gunzip(packed);
    if (members->at(2).name != payload.attribute("name").value() || members->at(2).name.size() > 8 || !tar ||
        payload.attribute("size").as_ullong() != packed.size())
        return VibRefusal{"VibFormatError", "The payload is not what the descriptor says."};
    if (auto refusal = check_sums(payload, packed, *tar, vib.id(), esxi))
        return *refusal;
    vib.files = read_tar(*tar);
    std::vector<std::string> listed;
    for (const auto& file : root.child("file-list").children("file"))
        listed.emplace_back(file.text().as_string());
    for (const auto& file : vib.files)
        if (!file.folder && (!may_hold(file.path) || std::count(listed.begin(), listed.end(), file.path) != 1))
            return VibRefusal{"InstallationError",
                              fmt::format("{} failed a check of extensibility rules for acceptance level 'community': "
                                          "['(line 23: col 0) Element vib failed to validate content']",
                                          vib.id())};
    return vib;
}

} // namespace lab
