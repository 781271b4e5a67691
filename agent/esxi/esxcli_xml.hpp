// What `esxcli --formatter=xml` prints (facts/esxi.md 6.0): a list of structures, one structure, or one plain string.
#pragma once

#include "protocol/error.hpp"

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace xcopy {

constexpr std::size_t max_esxcli_xml_bytes = 16 * 1024 * 1024; // 4096 paths, a host's maximum, take about 6 MB

// One structure. Versions spell keys with and without blanks, so keys are looked up without blanks and in lower case.
class EsxcliRecord {
public:
    void set(std::string_view key, std::string value);
    bool has(std::string_view key) const { return fields_.contains(std::string(key)); }
    std::string text(std::string_view key) const; // empty when absent; items of a nested list joined by ", "
    std::optional<std::int64_t> number(std::string_view key) const;
    // A flag that is there but not understood reads as true: the flags we ask for only ever lead to a refusal.
    bool flag(std::string_view key) const;

private:
    std::map<std::string, std::string> fields_;
};

struct EsxcliReply {
    std::vector<EsxcliRecord> records;
    std::string text; // of the plain-string form
};

// Errc::failed for anything else, an empty or cut-off text included: "no device is in use" must never be read from it.
Result<EsxcliReply> parse_esxcli_xml(std::string_view xml);

} // namespace xcopy
