#include "coordinator/host/ssh_host.hpp"

#include "coordinator/host/carried_script.hpp"
#include "coordinator/patience.hpp"
#include "protocol/json.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace xcopy {

namespace {

using namespace std::chrono_literals;

constexpr std::chrono::milliseconds quick = 60s;    // questions: a look at the host is a dozen esxcli calls
constexpr std::chrono::milliseconds slow = 5min;    // detach, rescan, cancel
constexpr std::chrono::milliseconds margin = 30s;   // what an answer may take beyond the wait that was asked for
constexpr std::chrono::milliseconds replacing = 3s; // a datastore may be without the script while it gets a new one
constexpr std::chrono::milliseconds look_again = 100ms;
constexpr std::chrono::seconds hurried = 1s; // a watch while many others watch

constexpr std::string_view restriction =
    R"(command="sh -c 'DS=$(echo \"$SSH_ORIGINAL_COMMAND\" | sed -n \"s/^DS=\([^;]*\);.*/\1/p\"); )"
    R"(CMD=$(echo \"$SSH_ORIGINAL_COMMAND\" | sed -n \"s/^DS=[^;]*;CMD=\(.*\)/\1/p\"); )"
    R"(if [ -z \"$DS\" ]; then echo SSH_OK; else SSH_ORIGINAL_COMMAND=\"$CMD\" exec sh /vmfs/volumes/$DS/secure-vmkfstools-wrapper; fi'",)"
    "no-port-forwarding,no-agent-forwarding,no-X11-forwarding ";

std::string percent_encoded(std::string_view value)
{
    std::string out;
    for (const char c : value) {
        const bool plain = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                           (c != '\0' && std::string_view("._-/").find(c) != std::string_view::npos);
        out += plain ? std::string(1, c) : fmt::format("%{:02X}", static_cast<unsigned char>(c));
    }
    return out;
}

std::string joined(const std::vector<std::string>& names)
{
    std::string all;
    for (const auto& one : names)
        all += (all.empty() ? "" : ",") + one;
    return all;
}

Error key_needed(Error error, const SshAddress& host, std::string_view public_key)
{
    error.remedy = steps_to_authorize(host, public_key);
    return error;
}

bool mentions(const SshOutput& output, std::string_view text)
{
    return output.errors.find(text) != std::string::npos || output.out.find(text) != std::string::npos;
}

Result<void> nothing(const Result<std::string>& answer)
{
    return answer ? Result<void>() : answer.error();
}

} // namespace

std::string steps_to_authorize(const SshAddress& host, std::string_view public_key)
{
    const auto port = host.port == 22 ? std::string() : fmt::format("-p {} ", host.port);
    return fmt::format(
        "on host '{}' ({}): 1. start SSH (vim-cmd hostsvc/start_ssh on its console, or service TSM-SSH in vCenter); "
        "2. as root, make this one line of /etc/ssh/keys-{}/authorized_keys, in place of any other with this key: {} "
        "3. see that `ssh -i KEY {}{}@{} 'DS=;CMD=status test-task-id'` answers SSH_OK; 4. run again. ESXi locks "
        "root for 15 minutes after five refused keys, and lockdown mode lets only exception users in",
        host.name, host.address, host.user, authorized_keys_line(public_key), port, host.user, host.address);
}

std::string authorized_keys_line(std::string_view public_key)
{
    return fmt::format("{}{}", restriction, public_key.empty() ? "<public key of Forklift's provider>" : public_key);
}

Result<std::string> script_line(std::string_view datastore, std::string_view verb,
                                const std::vector<std::pair<std::string_view, std::string>>& words)
{
    const bool plain = !datastore.empty() && std::ranges::all_of(datastore, [](unsigned char c) {
        return std::isalnum(c) != 0 || c == '-' || c == '_' || c == '.';
    });
    if (!plain)
        return Error{
            Errc::bad_request,
            fmt::format("'{}' cannot be named to the host's forced command, which cuts words at blanks", datastore),
            "give the datastore's UUID (esxcli storage filesystem list)", "bad_datastore"};
    auto line = fmt::format("DS={};CMD=--xcopy {}", datastore, verb);
    for (const auto& [key, value] : words)
        line += fmt::format(" {}={}", key, percent_encoded(value));
    return line;
}

Result<std::string> script_answer(const SshOutput& output, const SshAddress& host, std::string_view public_key)
{
    const auto end = output.out.find('\n');
    const auto head = output.out.substr(0, end);
    const auto body = end == std::string::npos ? std::string() : output.out.substr(end + 1);
    if (head == "xcopy 1 ok" && output.ok() && !output.truncated && body.ends_with('\n'))
        return body;
    if (head == "xcopy 1 refused" && !output.truncated) {
        const auto refusal = decode<ErrorReply>(body);
        if (refusal && !refusal->message.empty())
            return error_from(*refusal);
    }
    if (!output.signal.empty()) // a host short of memory kills whatever came by SSH; what was begun may go on
        return Error{Errc::indeterminate, fmt::format("the script was ended by SIG{}", output.signal),
                     "look for memory admission failures in /var/log/vmkernel.log", "cut_answer"};
    if (head.starts_with("xcopy "))
        return Error{Errc::indeterminate, fmt::format("the script's answer broke off: {}", said(output)),
                     "look at the host's syslog, tag xcopy-ssh", "cut_answer"};
    if (mentions(output, "python:") || mentions(output, "python3:") || mentions(output, "secure-vmkfstools-wrapper.py"))
        return key_needed(
            {Errc::unsupported,
             fmt::format("the key's forced command is that of Forklift 2.10, which runs Python: {}", said(output)), "",
             "old_forced_command"},
            host, public_key);
    const bool names_script = mentions(output, script_name);
    constexpr int command_not_found = 127;
    const bool shell_ran_the_verb = output.status == command_not_found && output.out.empty() && !names_script;
    const bool shell_said_nothing = output.out.empty() && output.errors.empty() && output.ok();
    if (shell_ran_the_verb || shell_said_nothing) // it took DS= and CMD= for assignments
        return key_needed(
            {Errc::denied, "the key is not restricted to the script: a shell answered", "", "no_forced_command"}, host,
            public_key);
    if (names_script && (mentions(output, "open") || mentions(output, "No such file") || mentions(output, "not found")))
        return Error{
            Errc::not_found, fmt::format("the script is not on that datastore: {}", said(output)),
            fmt::format("populate puts it there through vCenter, where one is given; or copy {} into the root of "
                        "the datastore by hand",
                        script_name),
            "no_script"};
    if (names_script && mentions(output, "yntax error"))
        return Error{Errc::not_found, fmt::format("the script on that datastore is damaged: {}", said(output)),
                     fmt::format("put {} into the root of the datastore", script_name), "broken_script"};
    if (mentions(output, "esxcli/\">") && mentions(output, "typeName=\"result\""))
        return Error{
            Errc::unsupported, "the script on that datastore is Forklift's own",
            fmt::format("put this coordinator's {} in its place: it answers Forklift's pods as well", script_name),
            "foreign_script"};
    return Error{Errc::indeterminate, fmt::format("that is no answer of the script: {}", said(output)),
                 "what does the forced command of the key in authorized_keys run?", "bad_answer"};
}

SshHost::SshHost(SshSession& session, ScriptPlace place, SshHostParts parts)
    : session_(session), place_(std::move(place)), parts_(std::move(parts))
{}

HostTransport SshHost::transport() const
{
    HostTransport mine{.kind = HostTransport::Kind::ssh, .datastore = place_.datastore};
    if (const auto key = session_.host_key())
        mine.host_key = key->text;
    return mine;
}

Result<Host*> SshHost::through(const HostTransport& begun)
{
    if (begun.kind == HostTransport::Kind::ssh && !begun.host_key.empty())
        if (auto pinned = session_.insist_on(begun.host_key); !pinned)
            return pinned.error();
    return Host::through(begun);
}

Result<void> SshHost::ensure_script(const Call& call)
{
    const std::lock_guard lock(ensuring_);
    if (ensured_ || !parts_.ensure_script)
        return {};
    auto done = parts_.ensure_script(call, *this);
    ensured_ = done.has_value();
    return done;
}

bool is_script_missing(const Error& error)
{
    return error.reason == "no_script" || error.reason == "broken_script" || error.reason == "foreign_script";
}

Result<std::string> SshHost::ask_once(const Call& call, std::string_view verb, const Words& words)
{
    const auto in_host = fmt::format("host '{}'", name());
    if (place_.datastore.empty())
        return Error{Errc::bad_request, fmt::format("{}: nothing says on which datastore the script lies", in_host),
                     "name it with --ssh-datastore", "no_script_datastore"};
    const auto line = script_line(place_.datastore, verb, words);
    if (!line)
        return Error(line.error()).in(in_host);
    const auto output = session_.exec(call, {.line = *line});
    if (output) {
        auto answer = script_answer(*output, session_.host(), parts_.public_key);
        return answer ? answer : Error(answer.error()).in(in_host);
    }
    auto error = output.error();
    if (error.reason == "login_refused")
        return key_needed(std::move(error), session_.host(), parts_.public_key);
    if (error.code == Errc::timed_out) // as for an agent: not heard, ask again
        error.reason = "no_answer";
    return error;
}

// Another pod may be putting a new script in place at this moment; nothing ran, so it is asked again.
Result<std::string> SshHost::ask(const Call& call, std::string_view verb, const Words& words,
                                 std::chrono::milliseconds limit)
{
    if (auto there = ensure_script(call); !there)
        return there.error();
    const auto give_up = std::chrono::steady_clock::now() + replacing;
    for (;;) {
        auto answer = ask_once(call.within(limit), verb, words);
        if (answer || !is_script_missing(answer.error()) || std::chrono::steady_clock::now() >= give_up ||
            !pause(call, look_again))
            return answer;
    }
}

// For what rescans. When the lock is taken away, others rescan: ours is asked for again, with the lock.
Result<std::string> SshHost::ask_locked(const Call& call, std::string_view verb, const Words& words,
                                        std::chrono::milliseconds limit)
{
    if (!parts_.rescan_lock)
        return ask(call, verb, words, limit);
    const auto permit = parts_.rescan_lock(call);
    if (!permit)
        return permit.error();
    std::stop_source either;
    const std::stop_callback asked(call.stop, [&] { either.request_stop(); });
    const std::stop_callback lost((*permit)->lost(), [&] { either.request_stop(); });
    Call held = call;
    held.stop = either.get_token();
    auto answer = ask(held, verb, words, limit);
    if (!answer && (*permit)->lost().stop_requested() && !call.stop.stop_requested())
        return Error{Errc::unavailable, fmt::format("host '{}': the lock on its rescans was lost", name()), "",
                     "rescan_lock_lost"};
    return answer;
}

Result<ScriptVersion> SshHost::script_version(const Call& call)
{
    const auto limited = call.within(quick);
    const auto answer = ask_once(limited, "version", {});
    if (answer)
        return decode<ScriptVersion>(*answer);
    if (answer.error().reason != "no_forced_command" && answer.error().reason != "bad_answer")
        return answer.error();
    // A cut script says anything or nothing; whether the forced command is there, it says itself.
    const auto key_works = session_.exec(limited, {.line = "DS=;CMD=status test-task-id"});
    if (key_works && key_works->ok() && key_works->out == "SSH_OK\n")
        return Error{
            Errc::not_found,
            fmt::format("what lies on that datastore is not the script, or not all of it: {}", answer.error().message),
            fmt::format("put {} into the root of the datastore", script_name), "broken_script"};
    return answer.error();
}

template <class Message> Result<Message> SshHost::read(const Result<std::string>& text, std::string_view verb) const
{
    if (!text)
        return text.error();
    auto message = decode<Message>(*text);
    if (!message)
        return Error{Errc::failed,
                     fmt::format("host '{}': the script's answer to {} cannot be read: {}; it said: {}", name(), verb,
                                 message.error().message, said({.out = *text})),
                     "is it the script of this coordinator?", "bad_answer"};
    return message;
}

template <class Message> Result<Message> SshHost::ask_for(const Call& call, std::string_view verb, const Words& words,
                                                          std::chrono::milliseconds limit)
{
    return read<Message>(ask(call, verb, words, limit), verb);
}

Result<Health> SshHost::health(const Call& call, HealthAge)
{
    auto health = ask_for<Health>(call, "health", {}, quick);
    if (!health)
        return health;
    if (!place_.uuid.empty() && health->host_uuid != place_.uuid)
        return Error{
            Errc::conflict,
            fmt::format("host '{}': at its address answers host {}, not {}", name(), health->host_uuid, place_.uuid),
            "check the address", "other_host"};
    if (auto agreed = agree(protocol_versions, health->protocol, fmt::format("the script on '{}'", name())); !agreed)
        return agreed.error();
    return health;
}

Result<std::vector<Adapter>> SshHost::adapters(const Call& call)
{
    auto list = ask_for<AdapterList>(call, "adapters", {}, quick);
    if (!list)
        return list.error();
    return std::move(list->adapters);
}

Result<std::vector<Datastore>> SshHost::datastores(const Call& call)
{
    auto list = ask_for<DatastoreList>(call, "datastores", {}, quick);
    if (!list)
        return list.error();
    return std::move(list->datastores);
}

Result<Source> SshHost::source(const Call& call, const std::string& path)
{
    return ask_for<Source>(call, "source", {{"source", path}}, quick);
}

Result<Device> SshHost::device(const Call& call, const std::string& naa)
{
    return ask_for<Device>(call, "device", {{"naa", naa}}, quick);
}

Result<Device> SshHost::attach(const Call& call, const std::string& naa, const AttachRequest& request)
{
    Words words{{"naa", naa},
                {"job", request.job},
                {"size", std::to_string(request.expected_size)},
                {"wait", std::to_string(request.wait_s)}};
    if (!request.adapters.empty())
        words.emplace_back("adapters", joined(request.adapters));
    if (request.lun)
        words.emplace_back("lun", std::to_string(*request.lun));
    return read<Device>(ask_locked(call, "attach", words, std::chrono::seconds(request.wait_s) + margin), "attach");
}

Result<void> SshHost::detach(const Call& call, const std::string& naa, const std::string& job)
{
    return nothing(ask(call, "detach", {{"naa", naa}, {"job", job}}, slow));
}

Result<void> SshHost::rescan(const Call& call, const RescanRequest& request)
{
    Words words{{"kind", request.kind == RescanKind::add ? "add" : "delete"}};
    if (!request.adapters.empty())
        words.emplace_back("adapters", joined(request.adapters));
    return nothing(ask_locked(call, "rescan", words, slow));
}

Result<CloneStatus> SshHost::start_clone(const Call& call, const std::string& id, const CloneRequest& request)
{
    return ask_for<CloneStatus>(call, "clone",
                                {{"job", id},
                                 {"source", request.source},
                                 {"target", request.target_naa},
                                 {"size", std::to_string(request.target_size)},
                                 {"limit", std::to_string(request.time_limit_s)},
                                 {"ttl", std::to_string(request.orphan_ttl_s)}},
                                quick);
}

Result<CloneStatus> SshHost::watch_clone(const Call& call, const std::string& id, std::uint64_t after,
                                         std::chrono::seconds wait)
{
    // A watch holds a channel until there is news; if twenty did, nobody else would be heard.
    const auto leave = session_.leave_to_stay();
    if (!leave)
        wait = std::min(wait, hurried);
    return ask_for<CloneStatus>(call, "watch",
                                {{"job", id}, {"after", std::to_string(after)}, {"wait", std::to_string(wait.count())}},
                                wait + margin);
}

Result<CloneStatus> SshHost::cancel_clone(const Call& call, const std::string& id)
{
    return ask_for<CloneStatus>(call, "cancel", {{"job", id}}, slow);
}

Result<void> SshHost::forget_clone(const Call& call, const std::string& id)
{
    return nothing(ask(call, "forget", {{"job", id}}, quick));
}

Result<std::vector<CloneStatus>> SshHost::clones(const Call& call)
{
    auto list = ask_for<CloneList>(call, "clones", {}, quick);
    if (!list)
        return list.error();
    return std::move(list->clones);
}

} // namespace xcopy
