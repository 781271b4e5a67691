// What an esxcli command answers, apart from how it is printed. Field labels are those of the text form; the other
// formatters print the same names without blanks, sorted (facts/esxi.md 6.0).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace lab {

using Value = std::variant<std::string, std::int64_t, bool, std::vector<std::string>>;

struct Record {
    std::vector<std::pair<std::string, Value>> fields;
};

enum class Shape {
    nothing,
    text,      // one plain string
    structure, // one record
    list,      // records, printed one below the other; the first field is a heading when `heading` is set
    table,     // records, printed as a table
};

struct Output {
    Shape shape = Shape::nothing;
    std::string type; // typeName of the records
    bool heading = false;
    bool heading_repeated = false; // the field stands below its own heading too
    std::string title{};           // above a structure, in text only
    std::string text;
    std::vector<Record> records;
    std::optional<std::string> error; // then exit status 1

    static Output failure(std::string sentence);
    static Output string(std::string text);
};

enum class Format { text, xml, json, csv, keyvalue };

std::optional<Format> format_named(const std::string&);
std::string print(const Output&, Format);

} // namespace lab
