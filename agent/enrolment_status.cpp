#include "agent/enrolment_status.hpp"

#include "agent/enrolment.hpp"
#include "protocol/json_fields.hpp"

#include <fmt/format.h>

#include <ctime>
#include <sys/stat.h>
#include <unistd.h>

namespace xcopy {

template <class Archive> void serialize(Archive& a, EnrolmentStatus& s)
{
    using json::field;
    field(a, "state", s.state);
    field(a, "problem", s.problem);
    field(a, "remedy", s.remedy);
    field(a, "subject", s.subject);
    field(a, "issuer", s.issuer);
    field(a, "serial", s.serial);
    field(a, "dns", s.dns);
    field(a, "addresses", s.addresses);
    field(a, "uris", s.uris);
    field(a, "not_before_s", s.not_before_s);
    field(a, "not_after_s", s.not_after_s);
    field(a, "days_left", s.days_left);
    field(a, "has_key", s.has_key);
    field(a, "key_waits", s.key_waits);
    field(a, "key_exposed", s.key_exposed);
    field(a, "saved", s.saved);
    field(a, "authorities", s.authorities);
}

namespace {

constexpr std::int64_t day_s = 24 * 3600;
constexpr std::int64_t soon_days = 30;

void judge(EnrolmentStatus& status, const pki::Certificates& chain, const Enrolment& now)
{
    const X509* leaf = chain.front().get();
    const std::time_t clock = std::time(nullptr);
    if (!fits(leaf, now.key) && !fits(leaf, now.next_key)) {
        status.problem = "the key does not belong to the certificate";
        status.remedy = "have the request that `xcopy-agent enroll` prints signed, and install the answer";
    } else if (clock >= status.not_after_s) {
        status.problem = "the certificate has expired";
        status.remedy = "enrol the host again; compare its clock first";
    } else if (clock < status.not_before_s) {
        status.problem = "the certificate is not valid yet";
        status.remedy = "compare the host's clock with the time";
    } else {
        status.state = "enrolled";
        if (!status.saved) { // the most pressing first
            status.problem = "the enrolment was not saved: a restart of the host may undo it";
            status.remedy = "xcopy-agent enroll --save";
        } else if (status.key_exposed) {
            status.problem = "others than root may read the key";
            status.remedy = "chmod 600 the key file, and rotate the key: xcopy-agent enroll --new-key";
        } else if (status.days_left < soon_days) {
            status.problem = fmt::format("the certificate expires in {} days", status.days_left);
            status.remedy = "enrol the host again";
        }
    }
}

std::string day(std::int64_t unix_s)
{
    const auto time = static_cast<std::time_t>(unix_s);
    std::tm broken_down{};
    ::gmtime_r(&time, &broken_down);
    char text[32] = "";
    return {text, std::strftime(text, sizeof text, "%Y-%m-%d %H:%M UTC", &broken_down)};
}

} // namespace

std::string unsaved_mark(const Config& config)
{
    return config.state_dir + "/not-saved";
}

bool is_unsaved(const Config& config)
{
    return ::access(unsaved_mark(config).c_str(), F_OK) == 0;
}

Result<EnrolmentStatus> enrolment_status(const Config& config)
{
    const auto files = enrolment_files(config);
    auto now = read_enrolment(files);
    if (!now)
        return now.error();
    EnrolmentStatus status;
    status.saved = !is_unsaved(config);
    status.has_key = !is_blank(now->key.view());
    status.key_waits = !is_blank(now->next_key.view());
    struct stat info {};
    status.key_exposed = ::stat(files.key.c_str(), &info) == 0 && (info.st_mode & (S_IRWXG | S_IRWXO)) != 0;
    if (!is_blank(now->ca))
        if (auto authorities = pki::certificates_from_pem(now->ca))
            for (const auto& one : *authorities)
                status.authorities.push_back(pki::about(one.get()).subject);
    for (const auto& [text, file] :
         {std::pair<std::string_view, const std::string&>{now->certificate, files.certificate},
          {now->key.view(), files.key},
          {now->ca, files.ca}})
        if (is_blank(text)) {
            status.state = "not_enrolled";
            status.problem = fmt::format("{} is empty", file);
            status.remedy = "have the request that `xcopy-agent enroll` prints signed, and install the answer";
            return status;
        }
    status.state = "unusable";
    auto chain = pki::certificates_from_pem(now->certificate);
    if (!chain) {
        status.problem = fmt::format("{}: {}", files.certificate, chain.error().message);
        status.remedy = "install the certificate again";
        return status;
    }
    const auto leaf = pki::about(chain->front().get());
    status.subject = leaf.subject;
    status.issuer = leaf.issuer;
    status.serial = leaf.serial;
    status.dns = leaf.names.dns;
    status.addresses = leaf.names.addresses;
    status.uris = leaf.names.uris;
    status.not_before_s = leaf.not_before_s;
    status.not_after_s = leaf.not_after_s;
    status.days_left = (leaf.not_after_s - static_cast<std::int64_t>(std::time(nullptr))) / day_s;
    if (status.authorities.empty()) {
        status.problem = fmt::format("{} holds no certificate", files.ca);
        status.remedy = "install the certificate again, with its CA";
        return status;
    }
    judge(status, *chain, *now);
    return status;
}

std::string as_text(const EnrolmentStatus& s)
{
    std::string text = fmt::format("state:        {}\n", s.state);
    if (!s.problem.empty())
        text += fmt::format("problem:      {}\nremedy:       {}\n", s.problem, s.remedy);
    if (!s.serial.empty()) {
        text += fmt::format("certificate:  {} (serial {}), issued by {}\n", s.subject, s.serial, s.issuer);
        text += fmt::format("names:        {}\n", pki::describe({s.dns, s.addresses, s.uris}));
        text += fmt::format("valid:        {} to {} ({} days left)\n", day(s.not_before_s), day(s.not_after_s),
                            s.days_left);
    }
    text += fmt::format("key:          {}{}\n", s.has_key ? "present" : "none",
                        s.key_waits ? ", and a new one waits for its certificate" : "");
    text += fmt::format("CA:           {}\n",
                        s.authorities.empty() ? "none" : fmt::format("{}", fmt::join(s.authorities, ", ")));
    return text;
}

std::string as_json(const EnrolmentStatus& status)
{
    return json::write(status);
}

} // namespace xcopy
