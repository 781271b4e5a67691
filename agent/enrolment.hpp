// What a host's identity is made of on disk, and how it changes: decisions on texts first, then steps that may be cut off
// anywhere. Whichever steps were done, the agent serves the old pair or the new one (http::Certificates takes the key that
// belongs to the certificate, in service or waiting), and doing all steps again finishes.
#pragma once

#include "agent/config.hpp"
#include "protocol/pki/certificate.hpp"
#include "protocol/pki/request.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace xcopy {

struct EnrolmentFiles {
    std::string certificate;
    std::string key;
    std::string next_key; // of a rotation that is not finished
    std::string ca;
};

EnrolmentFiles enrolment_files(const Config&);

// The texts of those files; an absent file is an empty text.
struct Enrolment {
    std::string certificate;
    pki::KeyText key{""};
    pki::KeyText next_key{""};
    std::string ca;
};

Result<Enrolment> read_enrolment(const EnrolmentFiles&);

bool is_blank(std::string_view text);
bool fits(const X509* certificate, const pki::KeyText& key);

// What came back from whoever signed the request.
struct Offer {
    pki::Certificates chain; // the host's first
    pki::Certificates authorities;
};

// An empty `authorities`: the self-signed certificates of the first text are the authorities.
Result<Offer> read_offer(std::string_view chain, std::string_view authorities);

// One file and the text it shall have.
struct Step {
    std::string name;
    std::string file;
    pki::KeyText text;
};

// Errc::denied, with the reason, for an offer that this host must not serve with: for another key or another host, not
// valid now, not for a server, not of the authorities that came with it.
Result<std::vector<Step>> plan_install(const Offer&, const Enrolment&, const EnrolmentFiles&,
                                       std::string_view host_uuid);

// Writes what is not as it shall be; true when it wrote.
Result<bool> perform(const Step&);

// The key that a request is to be made for, and the step that stores it when it is new.
struct KeyChoice {
    pki::Key key;
    std::vector<Step> steps;
};
enum class Renewal : std::uint8_t { same_key, new_key };
Result<KeyChoice> choose_key(const Enrolment&, const EnrolmentFiles&, Renewal);

// What the request asks for.
pki::Wish wish_for(const std::string& uuid, const std::string& host_name, std::vector<std::string> more_names,
                   std::vector<std::string> addresses);

} // namespace xcopy
