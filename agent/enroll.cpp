#include "agent/enroll.hpp"

#include "agent/enrolment.hpp"
#include "agent/enrolment_status.hpp"
#include "agent/esxi/child.hpp"
#include "agent/esxi/files.hpp"
#include "agent/esxi/tools.hpp"
#include "agent/esxi/unique_fd.hpp"

#include <fmt/format.h>

#include <cerrno>
#include <cstdio>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

namespace xcopy {

namespace {

const RunLimits tool_limits{.time = std::chrono::seconds(20)};
const RunLimits backup_limits{.time = std::chrono::minutes(2)};

int failed(const Error& error)
{
    fmt::print(stderr, "xcopy-agent enroll: {}\n", error.message);
    if (!error.remedy.empty())
        fmt::print(stderr, "{}\n", error.remedy);
    return 1;
}

// Two enrolments at once would each leave half of theirs. Released when the process ends.
Result<UniqueFd> lock(const EnrolmentFiles& files)
{
    UniqueFd file(::open(files.key.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
    if (!file)
        return file_error("open", files.key, errno);
    if (::flock(file.get(), LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK)
        return Error{Errc::busy, "another xcopy-agent enroll is at work on this host", "let it end, then try again"};
    return file;
}

// Before a file of the enrolment changes: whoever dies from here on, or saves in vain, is found out by the next.
void note_unsaved(const Config& config)
{
    if (config.auto_backup.empty())
        return;
    ::mkdir(config.state_dir.c_str(), 0700); // it may be there
    if (auto noted = replace_file(unsaved_mark(config), "", Durable::yes); !noted)
        fmt::print(stderr, "should saving fail, nobody will be told later: {}\n", noted.error().message);
}

Result<void> save_for_next_boot(const Config& config)
{
    if (config.auto_backup.empty())
        return {};
    const Error lost{Errc::failed, "",
                     "run `xcopy-agent enroll --save` on the host; until then a restart of the host undoes it"};
    auto done = run({config.auto_backup}, backup_limits);
    if (!done)
        return Error{done.error().code, fmt::format("not saved for the next boot: {}", done.error().message),
                     lost.remedy, "not_saved"};
    if (done->exit_status != 0)
        return Error{Errc::failed,
                     fmt::format("not saved for the next boot: {} ended with status {}: {}", config.auto_backup,
                                 done->exit_status.value_or(-1), (done->err + done->out).substr(0, 200)),
                     lost.remedy, "not_saved"};
    return remove_file(unsaved_mark(config));
}

Result<std::string> read_input(const std::string& name)
{
    if (name != "-")
        return read_file(name, pki::max_pem_bytes);
    std::string text(pki::max_pem_bytes + 1, '\0');
    text.resize(std::fread(text.data(), 1, text.size(), stdin));
    if (text.size() > pki::max_pem_bytes)
        return Error{Errc::bad_request, fmt::format("standard input is longer than {} bytes", pki::max_pem_bytes)};
    return text;
}

Result<void> install(const Config& config, const InstallOptions& options)
{
    const auto files = enrolment_files(config);
    auto chain = read_input(options.certificate);
    if (!chain)
        return chain.error();
    auto authorities = options.ca.empty() ? Result<std::string>("") : read_input(options.ca);
    if (!authorities)
        return authorities.error();
    auto offer = read_offer(*chain, *authorities);
    if (!offer)
        return offer.error();
    auto held = lock(files);
    if (!held)
        return held.error();
    auto now = read_enrolment(files);
    if (!now)
        return now.error();
    auto uuid = Tools(config.tools).host_uuid(tool_limits);
    if (!uuid)
        return std::move(uuid.error()).in("this host's UUID");
    auto steps = plan_install(*offer, *now, files, *uuid);
    if (!steps)
        return steps.error();
    note_unsaved(config);
    for (const auto& step : *steps)
        if (auto done = perform(step); !done)
            return done.error();
    return save_for_next_boot(config);
}

} // namespace

int enroll_request(const Config& config, const EnrollOptions& options)
{
    const Tools tools(config.tools);
    const auto files = enrolment_files(config);
    auto uuid = tools.host_uuid(tool_limits);
    if (!uuid)
        return failed(std::move(uuid.error()).in("this host's UUID"));
    auto name = tools.host_name(tool_limits);
    if (!name)
        fmt::print(stderr, "the host's name is not known, so the request is without it: {}\n", name.error().message);
    auto addresses = tools.addresses(tool_limits);
    if (!addresses)
        fmt::print(stderr, "the host's addresses are not known; name those that matter with --address: {}\n",
                   addresses.error().message);
    std::vector<std::string> all = options.addresses;
    if (addresses)
        all.insert(all.end(), addresses->begin(), addresses->end());

    auto held = lock(files);
    if (!held)
        return failed(held.error());
    auto now = read_enrolment(files);
    if (!now)
        return failed(now.error());
    auto choice = choose_key(*now, files, options.new_key ? Renewal::new_key : Renewal::same_key);
    if (!choice)
        return failed(choice.error());
    auto request = pki::request_pem(choice->key, wish_for(*uuid, name ? *name : "", options.names, all));
    if (!request)
        return failed(request.error());
    if (!choice->steps.empty())
        note_unsaved(config);
    for (const auto& step : choice->steps)
        if (auto done = perform(step); !done)
            return failed(done.error());
    if (!choice->steps.empty())
        if (auto saved = save_for_next_boot(config); !saved)
            fmt::print(stderr, "the key is {}\n{}\n", saved.error().message, saved.error().remedy);
    fmt::print("{}", *request);
    return std::fflush(stdout) == 0 ? 0 : 1;
}

int enroll_install(const Config& config, const InstallOptions& options)
{
    if (auto done = install(config, options); !done)
        return failed(done.error());
    auto status = enrolment_status(config);
    if (!status)
        return failed(status.error());
    fmt::print("{}", as_text(*status));
    return 0;
}

int enroll_save(const Config& config)
{
    if (auto saved = save_for_next_boot(config); !saved)
        return failed(saved.error());
    fmt::print("saved for the next boot\n");
    return 0;
}

int enroll_status(const Config& config, const std::string& output)
{
    auto status = enrolment_status(config);
    if (!status)
        return failed(status.error());
    fmt::print("{}", output == "json" ? as_json(*status) + "\n" : as_text(*status));
    return status->state == "enrolled" ? 0 : 1;
}

} // namespace xcopy
