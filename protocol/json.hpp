// Messages to JSON and back. cereal stays inside json.cpp, so including this costs nothing.
#pragma once

#include "protocol/error.hpp"
#include "protocol/messages.hpp"

#include <cstddef>
#include <string>
#include <string_view>

namespace xcopy {

// What a decoded message may hold at most; the body itself is bounded by whoever reads it from the network.
constexpr std::size_t max_text_bytes = 4096;
constexpr std::size_t max_list_items = 16384;

// Message is one of those in messages.hpp.
template <class Message> std::string encode(const Message& message);

// Errc::bad_request with the field at fault when the text is not such a message. Nesting of any depth is read
// without recursion.
template <class Message> Result<Message> decode(std::string_view text);

} // namespace xcopy
