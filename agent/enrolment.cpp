#include "agent/enrolment.hpp"

#include "agent/esxi/files.hpp"
#include "protocol/routes.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace xcopy {

namespace {

constexpr std::size_t longest_stored = 16 * 1024; // the archive they are saved in is a few MB for the whole host

Error denied(std::string message, std::string remedy, std::string reason)
{
    return {Errc::denied, std::move(message), std::move(remedy), std::move(reason)};
}

Result<std::string> read_or_empty(const std::string& path)
{
    auto text = read_file(path, pki::max_pem_bytes);
    if (!text && text.error().code == Errc::not_found)
        return std::string();
    return text;
}

Result<std::string> joined_pem(const pki::Certificates& all)
{
    std::string text;
    for (const auto& one : all) {
        auto pem = pki::pem_of(one.get());
        if (!pem)
            return pem.error();
        text += *pem;
    }
    if (text.size() > longest_stored)
        return denied(fmt::format("the certificates take more than {} bytes", longest_stored),
                      "give the chain only as far as it is needed", "too_large");
    return text;
}

Result<void> check_identity(const pki::About& leaf, std::string_view host_uuid)
{
    const std::string own = std::string(routes::host_identity) + std::string(host_uuid);
    bool found = false;
    for (const auto& uri : leaf.names.uris) {
        if (uri == own)
            found = true;
        else if (uri.starts_with(routes::host_identity))
            return denied(fmt::format("the certificate is for another host: {}", uri),
                          fmt::format("this one is {}", own), "wrong_host");
    }
    if (!found)
        return denied(fmt::format("the certificate does not carry the URI SAN {}", own),
                      "have the request of this host signed with the names that it asks for", "wrong_host");
    return {};
}

} // namespace

EnrolmentFiles enrolment_files(const Config& config)
{
    return {config.certificate, config.key, next_key_file(config), config.ca};
}

bool is_blank(std::string_view text)
{
    return text.find_first_not_of(" \t\r\n") == std::string_view::npos;
}

bool fits(const X509* certificate, const pki::KeyText& text)
{
    if (is_blank(text.view()))
        return false;
    const auto key = pki::key_from_pem(text.view());
    return key && pki::belongs_to(certificate, *key);
}

Result<Enrolment> read_enrolment(const EnrolmentFiles& files)
{
    Enrolment found;
    auto certificate = read_or_empty(files.certificate);
    auto key = read_or_empty(files.key);
    auto next_key = read_or_empty(files.next_key);
    auto ca = read_or_empty(files.ca);
    for (const auto* text : {&certificate, &key, &next_key, &ca})
        if (!*text)
            return text->error();
    found.certificate = std::move(*certificate);
    found.key = pki::KeyText(std::move(*key));
    found.next_key = pki::KeyText(std::move(*next_key));
    found.ca = std::move(*ca);
    return found;
}

Result<Offer> read_offer(std::string_view chain, std::string_view authorities)
{
    Offer offer;
    auto first = pki::certificates_from_pem(chain);
    if (!first)
        return std::move(first.error()).in("read the certificate");
    if (!is_blank(authorities)) {
        offer.chain = std::move(*first);
        auto second = pki::certificates_from_pem(authorities);
        if (!second)
            return std::move(second.error()).in("read the CA");
        offer.authorities = std::move(*second);
        return offer;
    }
    for (auto& one : *first)
        (pki::about(one.get()).self_issued ? offer.authorities : offer.chain).push_back(std::move(one));
    return offer;
}

Result<std::vector<Step>> plan_install(const Offer& offer, const Enrolment& now, const EnrolmentFiles& files,
                                       std::string_view host_uuid)
{
    if (offer.chain.empty())
        return denied("there is no certificate for the host, only authorities",
                      "give the host's certificate first, then those between it and the CA, then the CA",
                      "no_certificate");
    if (offer.authorities.empty())
        return denied("there is no certificate of a CA", "give it with --ca FILE, or after the host's certificate",
                      "no_ca");
    for (const auto& authority : offer.authorities)
        if (const auto said = pki::about(authority.get()); !said.is_ca)
            return denied(fmt::format("'{}' is not the certificate of a CA", said.subject),
                          "give the certificate of the CA itself", "no_ca");
    X509* const leaf = offer.chain.front().get();
    const bool waits = fits(leaf, now.next_key);
    if (!waits && !fits(leaf, now.key))
        return denied("the certificate belongs to a key that this host does not have",
                      "sign the request that `xcopy-agent enroll` prints now; keys are made on the host and stay there",
                      "wrong_key");
    if (auto identity = check_identity(pki::about(leaf), host_uuid); !identity)
        return identity.error();
    pki::Certificates between;
    for (std::size_t i = 1; i < offer.chain.size(); ++i) {
        ::X509_up_ref(offer.chain[i].get());
        between.emplace_back(offer.chain[i].get());
    }
    if (auto holds = pki::verify(leaf, between, offer.authorities, pki::Purpose::server); !holds)
        return holds.error();

    auto chain = joined_pem(offer.chain);
    auto authorities = joined_pem(offer.authorities);
    if (!chain || !authorities)
        return chain ? authorities.error() : chain.error();
    // The certificate is what switches over: everything it needs is there before it.
    std::vector<Step> steps;
    steps.push_back({"write the CA", files.ca, pki::KeyText(std::move(*authorities))});
    steps.push_back({"write the certificate", files.certificate, pki::KeyText(std::move(*chain))});
    if (waits) {
        steps.push_back({"put the new key in its place", files.key, pki::KeyText(std::string(now.next_key.view()))});
        steps.push_back({"clear the waiting key", files.next_key, pki::KeyText("")});
    }
    return steps;
}

Result<bool> perform(const Step& step)
{
    if (auto there = read_file(step.file, pki::max_pem_bytes); there && *there == step.text.view()) {
        const pki::KeyText wiped(std::move(*there));
        return false;
    }
    const bool secret = step.text.view().find("PRIVATE KEY") != std::string_view::npos;
    if (auto written = overwrite_file(step.file, step.text.view(), secret ? Mode::secret : Mode::as_it_is); !written)
        return std::move(written.error()).in(step.name);
    return true;
}

Result<KeyChoice> choose_key(const Enrolment& now, const EnrolmentFiles& files, Renewal renewal)
{
    // Nothing to rotate yet: the first key goes straight to its place.
    const bool rotate = renewal == Renewal::new_key && !is_blank(now.key.view());
    const pki::KeyText& held = rotate ? now.next_key : now.key;
    KeyChoice choice;
    if (!is_blank(held.view())) {
        auto key = pki::key_from_pem(held.view());
        if (!key && !rotate) {
            auto why = std::move(key.error()).in(files.key);
            why.remedy = "make another with --new-key";
            return why;
        }
        if (key) {
            choice.key = std::move(*key);
            return choice;
        }
    }
    auto made = pki::new_key();
    if (!made)
        return made.error();
    auto text = pki::pem_of(*made);
    if (!text)
        return text.error();
    choice.key = std::move(*made);
    choice.steps.push_back({"store the key", rotate ? files.next_key : files.key, std::move(*text)});
    return choice;
}

pki::Wish wish_for(const std::string& uuid, const std::string& host_name, std::vector<std::string> more_names,
                   std::vector<std::string> addresses)
{
    pki::Wish wish;
    wish.common_name = host_name.empty() ? uuid : host_name;
    const auto add = [](std::vector<std::string>& to, std::string name) {
        if (!name.empty() && std::find(to.begin(), to.end(), name) == to.end())
            to.push_back(std::move(name));
    };
    add(wish.names.dns, host_name);
    if (const auto dot = host_name.find('.'); dot != std::string::npos)
        add(wish.names.dns, host_name.substr(0, dot));
    for (auto& name : more_names)
        add(wish.names.dns, std::move(name));
    for (auto& address : addresses)
        add(wish.names.addresses, std::move(address));
    wish.names.uris = {std::string(routes::host_identity) + uuid};
    return wish;
}

} // namespace xcopy
