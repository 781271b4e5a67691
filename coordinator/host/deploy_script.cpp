#include "coordinator/host/deploy_script.hpp"

#include "coordinator/patience.hpp"

#include <fmt/format.h>

#include <random>

namespace xcopy {

namespace {

using namespace std::chrono_literals;

constexpr auto whole = 4min;
constexpr auto longest_move = 1min;
constexpr auto tidy_up = 15s;
constexpr auto until_seen = 40s; // NFS clients may keep a directory for 30 s before they look again
constexpr int attempts = 3;      // another pod may put its own in between

// Two pods must not write one file, not even with the same content: the one that is ready would move the other's half.
std::string new_upload_name()
{
    std::random_device random;
    return fmt::format("{}.{}.{:08x}{:08x}", script_name, carried_script_sha256().substr(0, 16), random(), random());
}

std::string described(const ScriptVersion& version)
{
    return fmt::format("version {} (sha256 {})", version.script_version,
                       version.sha256.empty() ? "not known" : version.sha256.substr(0, 16));
}

struct Look {
    ScriptFit fit = ScriptFit::replace;
    ScriptVersion there{};
    Error why{}; // where it has to be replaced, or cannot be

    bool is_settled() const { return fit == ScriptFit::ours || fit == ScriptFit::newer; }
};

class Deployment {
public:
    Deployment(SshHost& host, const OpenDatastore& open, Log& log) : host_(host), open_(open), log_(log) {}

    Result<DeployedScript> run(const Call& call);
    Result<void> foresee(const Call& call);

private:
    Result<Look> look(const Call& call);
    Result<Look> look_until_settled(const Call& call);
    Result<bool> put(const Call& call);
    Result<const vsphere::DatastoreFiles*> files(const Call& call);
    Error by_hand(Error error) const;

    SshHost& host_;
    const OpenDatastore& open_;
    Log& log_;
    std::optional<vsphere::DatastoreFiles> files_;
};

Error Deployment::by_hand(Error error) const
{
    error.remedy = fmt::format(
        "name the vCenter, or do it by hand: copy /usr/share/xcopy/{0} of this image to /vmfs/volumes/{1}/{0}.new on "
        "host '{2}', then there: mv -f /vmfs/volumes/{1}/{0}.new /vmfs/volumes/{1}/{0}",
        script_name, host_.place().datastore, host_.name());
    return error;
}

Result<const vsphere::DatastoreFiles*> Deployment::files(const Call& call)
{
    if (!files_) {
        auto found = open_(call);
        if (!found)
            return found.error();
        files_ = std::move(*found);
    }
    return &*files_;
}

// What the host would run now. An error: it cannot be told, or a new script would not help.
Result<Look> Deployment::look(const Call& call)
{
    const auto there = host_.script_version(call);
    if (!there && is_script_missing(there.error()))
        return Look{.why = there.error()};
    if (!there)
        return there.error();
    Look seen{.fit = fit_of(*there, carried_script()), .there = *there};
    if (seen.fit == ScriptFit::unknown && !open_) {
        seen.fit = ScriptFit::ours; // by its number, which is all that can be known
    } else if (seen.fit == ScriptFit::unknown) {
        const auto store = files(call);
        const auto bytes = store ? (*store)->get(call, std::string(script_name)) : store.error();
        if (!bytes)
            return bytes.error();
        seen.fit = *bytes == carried_script_bytes() ? ScriptFit::ours : ScriptFit::replace;
    }
    const auto both = fmt::format("host '{}': the script there is {}, this coordinator carries {}", host_.name(),
                                  described(*there), described(carried_script()));
    if (seen.fit == ScriptFit::too_new)
        seen.why = {Errc::unsupported, both + ": it no longer speaks our protocol",
                    "use the newer coordinator image, whose script it is", "script_too_new"};
    else
        seen.why = {Errc::conflict, both, "", "other_script"};
    return seen;
}

// The host may see the new name a little later than vCenter.
Result<Look> Deployment::look_until_settled(const Call& call)
{
    const auto give_up = std::chrono::steady_clock::now() + until_seen;
    auto seen = look(call);
    for (auto wait = 50ms; seen && !seen->is_settled() && std::chrono::steady_clock::now() < give_up;
         wait = std::min(wait * 2, 2000ms)) {
        if (!pause(call, wait))
            break;
        auto next = look(call);
        if (!next && next.error().code == Errc::timed_out)
            break; // the deadline: what was seen last tells more
        seen = std::move(next);
    }
    return seen;
}

// A file up, then under the script's name. False: meanwhile there was no need any more.
Result<bool> Deployment::put(const Call& call)
{
    const auto store = files(call);
    if (!store)
        return store.error();
    const auto& datastore = **store;
    const auto upload = new_upload_name();
    auto done = datastore.put(call, upload, std::string(carried_script_bytes()));
    const auto seen = done ? look(call) : Result<Look>(done.error()); // the upload may have taken long
    const bool is_needed = seen && seen->fit == ScriptFit::replace;
    if (is_needed)
        done = datastore.move(call.within(longest_move), upload, std::string(script_name));
    if (is_needed && done)
        return true;
    const Call after_all{.job = call.job}; // also after a stop
    if (const auto removed = datastore.remove(after_all.within(tidy_up), upload); !removed)
        log_.warn("upload left on datastore", {{"job", call.job}, {"file", upload}, {"why", removed.error().message}});
    return done ? Result<bool>(false) : done.error();
}

Result<DeployedScript> Deployment::run(const Call& call)
{
    auto seen = look(call);
    Result<bool> put_there = false;
    bool was_put = false;
    for (int attempt = 0; seen && seen->fit == ScriptFit::replace && attempt < attempts; ++attempt) {
        if (!open_)
            return by_hand(seen->why);
        log_.info("script to be put on datastore", {{"job", call.job},
                                                    {"host", host_.name()},
                                                    {"datastore", host_.place().datastore},
                                                    {"carried", described(carried_script())},
                                                    {"why", seen->why.message}});
        put_there = put(call);
        if (!put_there)
            log_.warn("script not put",
                      {{"job", call.job}, {"host", host_.name()}, {"why", put_there.error().message}});
        was_put = was_put || (put_there && *put_there);
        seen = put_there ? look_until_settled(call) : look(call);
        // A refusal stands, unless another pod has had more luck. What was put and is not seen will not be seen next time;
        // what is seen instead of it may be another pod's.
        const bool may_help =
            put_there ? !seen || seen->why.reason == "other_script"
                      : put_there.error().code == Errc::indeterminate || put_there.error().code == Errc::not_found;
        if (!may_help)
            break;
    }
    if (!seen)
        return seen.error();
    if (seen->is_settled())
        return DeployedScript{.version = seen->there, .was_put = was_put};
    if (seen->fit == ScriptFit::too_new)
        return seen->why;
    if (!put_there)
        return put_there.error().in(fmt::format("put the script on host '{}'", host_.name()));
    return Error{Errc::failed,
                 fmt::format("the script was put on datastore '{}' through vCenter, but {}", files_->datastore(),
                             seen->why.message),
                 fmt::format("is /vmfs/volumes/{} on the host the datastore '{}' of vCenter? Does another program "
                             "write {} there?",
                             host_.place().datastore, files_->datastore(), script_name),
                 "script_not_seen"};
}

Result<void> Deployment::foresee(const Call& call)
{
    const auto seen = look(call);
    if (!seen)
        return seen.error();
    if (seen->is_settled())
        return {};
    if (seen->fit == ScriptFit::too_new)
        return seen->why;
    if (!open_)
        return by_hand(seen->why);
    const auto store = files(call);
    if (!store)
        return Error(store.error()).in(fmt::format("put the script on host '{}'", host_.name()));
    if (!is_script_missing(seen->why)) {
        const auto agreed = agree(protocol_versions, seen->there.protocol, "the script there");
        return agreed ? Result<void>() : agreed.error();
    }
    return Error{Errc::unavailable,
                 fmt::format("{}; populate will put it on datastore '{}' through vCenter", seen->why.message,
                             (*store)->datastore()),
                 "the account needs Datastore.FileManagement there, which only the upload itself will show",
                 std::string(script_awaited_reason)};
}

} // namespace

ScriptFit fit_of(const ScriptVersion& there, const ScriptVersion& carried)
{
    if (there.sha256 == carried.sha256)
        return ScriptFit::ours;
    if (there.script_version > carried.script_version)
        return agree(protocol_versions, there.protocol, "the script") ? ScriptFit::newer : ScriptFit::too_new;
    if (there.script_version == carried.script_version && there.sha256.empty())
        return ScriptFit::unknown;
    return ScriptFit::replace;
}

Result<DeployedScript> deploy_script(const Call& call, SshHost& host, const OpenDatastore& open, Log& log)
{
    return Deployment(host, open, log).run(call.within(whole));
}

Result<void> foresee_script(const Call& call, SshHost& host, const OpenDatastore& open, Log& log)
{
    return Deployment(host, open, log).foresee(call);
}

} // namespace xcopy
