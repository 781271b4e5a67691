// P-256 keys and their PEM.
#pragma once

#include "protocol/pki/handles.hpp"

namespace xcopy::pki {

// The text of a private key; wiped when it goes.
class KeyText {
public:
    explicit KeyText(std::string text) : text_(std::move(text)) {}
    KeyText(KeyText&&) = default;
    KeyText& operator=(KeyText&&) = default;
    KeyText(const KeyText&) = delete;
    KeyText& operator=(const KeyText&) = delete;
    ~KeyText();

    std::string_view view() const { return text_; }

private:
    std::string text_;
};

Result<Key> new_key();
Result<KeyText> pem_of(const Key& key);         // not encrypted
Result<Key> key_from_pem(std::string_view pem); // the first key of the text

bool belongs_to(const X509* certificate, const Key& key);

} // namespace xcopy::pki
