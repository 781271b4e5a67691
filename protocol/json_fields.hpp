// How a struct becomes JSON: a serialize(archive, value) function beside it, made of field() and required() lines,
// found by argument-dependent lookup. Include this only in the .cpp that defines such functions: it pulls in cereal.
#pragma once

#include "protocol/error.hpp"
#include "protocol/json.hpp"

// Iterative: hostile nesting must not grow the stack (design 4). Must come before cereal includes rapidjson.
#define RAPIDJSON_PARSE_DEFAULT_FLAGS (kParseFullPrecisionFlag | kParseIterativeFlag)
#include <cereal/archives/json.hpp>
#include <cereal/types/string.hpp>
#include <cereal/types/vector.hpp>
#include <fmt/format.h>

#include <istream>
#include <optional>
#include <ostream>
#include <sstream>
#include <stdexcept>
#include <streambuf>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

namespace xcopy::json {

struct BadMessage : std::runtime_error {
    using std::runtime_error::runtime_error;
};

template <class T> constexpr bool is_optional = false;
template <class T> constexpr bool is_optional<std::optional<T>> = true;
template <class T> constexpr bool is_list = false;
template <class T> constexpr bool is_list<std::vector<T>> = true;
template <class Archive> constexpr bool is_reading = std::is_same_v<Archive, cereal::JSONInputArchive>;

template <class T> void check_bounds(const char* name, const T& value)
{
    if constexpr (std::is_same_v<T, std::string>) {
        if (value.size() > max_text_bytes)
            throw BadMessage(fmt::format("field '{}' is longer than {} bytes", name, max_text_bytes));
    } else if constexpr (is_list<T>) {
        if (value.size() > max_list_items)
            throw BadMessage(fmt::format("field '{}' has more than {} items", name, max_list_items));
        for (const auto& item : value)
            check_bounds(name, item);
    }
}

// Enumerations travel by name; the enumeration's own header knows which names there are.
template <class Enum> struct Names;

template <class Archive, class T> void read_or_write(Archive& archive, const char* field, T& value)
{
    if constexpr (std::is_enum_v<T>) {
        std::string text(name(value));
        archive(cereal::make_nvp(field, text));
        if constexpr (is_reading<Archive>)
            value = Names<T>::read(text, value);
    } else {
        archive(cereal::make_nvp(field, value));
    }
}

// Reads or writes one field. Returns false when a reader does not find it; then the value is left as it was.
template <class Archive, class T> bool field(Archive& archive, const char* field_name, T& value)
{
    if constexpr (is_optional<T>) {
        if constexpr (is_reading<Archive>) {
            typename T::value_type held{};
            const bool found = field(archive, field_name, held);
            if (found)
                value = std::move(held);
            return found;
        } else {
            return value ? field(archive, field_name, *value) : false;
        }
    } else if constexpr (is_reading<Archive>) {
        try {
            read_or_write(archive, field_name, value);
        } catch (const cereal::RapidJSONException&) {
            throw BadMessage(fmt::format("field '{}' has the wrong type or is out of range", field_name));
        } catch (const cereal::Exception&) { // the name is not there
            return false;
        }
        check_bounds(field_name, value);
        return true;
    } else {
        read_or_write(archive, field_name, value);
        return true;
    }
}

template <class Archive, class T> void required(Archive& archive, const char* field_name, T& value)
{
    if (!field(archive, field_name, value))
        throw BadMessage(fmt::format("field '{}' is missing", field_name));
}

// Lets an istream read straight from the caller's text.
struct ViewBuffer : std::streambuf {
    explicit ViewBuffer(std::string_view text)
    {
        char* begin = const_cast<char*>(text.data()); // streambuf wants non-const; nothing writes
        setg(begin, begin, begin + text.size());
    }
};

// The text of any value that has a serialize function.
template <class Value> std::string write(const Value& value)
{
    std::ostringstream out;
    {
        cereal::JSONOutputArchive archive(out, cereal::JSONOutputArchive::Options::NoIndent());
        serialize(archive, const_cast<Value&>(value)); // cereal's serialize takes it by reference in both directions
    }
    return std::move(out).str();
}

// The value, or Errc::bad_request with the field at fault.
template <class Value> Result<Value> read(std::string_view json)
{
    Value value;
    try {
        ViewBuffer buffer(json);
        std::istream in(&buffer);
        cereal::JSONInputArchive archive(in);
        serialize(archive, value);
    } catch (const BadMessage& problem) {
        return Error{Errc::bad_request, problem.what(), "", "bad_message"};
    } catch (const std::exception&) { // rapidjson's own texts help nobody
        return Error{Errc::bad_request, "the text is not a JSON object of the expected form", "", "bad_message"};
    }
    return value;
}

} // namespace xcopy::json
