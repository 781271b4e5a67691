#include "coordinator/kube/host_lease.hpp"

#include "coordinator/kube/identity.hpp"
#include "coordinator/kube/status.hpp"
#include "coordinator/patience.hpp"
#include "vendors/rest/clock.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <mutex>
#include <thread>

namespace xcopy::kube {

namespace {

using std::chrono::milliseconds;

constexpr std::chrono::seconds release_limit{5};
constexpr std::size_t longest_label = 63; // DNS-1123

class Without final : public HostPermit {
public:
    bool is_held() const override { return false; }
    std::stop_token lost() const override { return {}; }
};

class Held final : public HostPermit {
public:
    Held(Leases leases, Lease lease, const Call& call, Log& log, HostLeaseRules rules)
        : leases_(std::move(leases)), lease_(std::move(lease)), job_(call.job), log_(log), rules_(rules),
          renewal_([this](const std::stop_token& stop) { renew(stop); })
    {}

    // Upstream lets its Leases expire. Ours says that it has: a renewal in the past. The duration stays, for upstream
    // takes a Lease over with the duration it finds.
    ~Held() override
    {
        renewal_.request_stop();
        renewal_.join();
        if (lost_.stop_requested())
            return;
        lease_.renewed = now() - rules_.duration - std::chrono::seconds(1);
        if (auto freed = leases_.update(Call{.job = job_}.within(release_limit), lease_); !freed)
            log_.debug("host lease not released, it expires by itself",
                       {{"job", job_}, {"lease", lease_.name}, {"why", freed.error().message}});
    }

    bool is_held() const override { return !lost_.stop_requested(); }
    std::stop_token lost() const override { return lost_.get_token(); }

private:
    void renew(const std::stop_token& stop)
    {
        const Call call{.stop = stop, .job = job_};
        const auto every = milliseconds(rules_.duration) * 3 / 10; // upstream: 3 s of 10 s
        auto last = std::chrono::steady_clock::now();
        while (pause(call, every)) {
            Lease wanted = lease_;
            wanted.renewed = now();
            auto renewed = leases_.update(call.within(every), wanted);
            if (stop.stop_requested())
                return;
            if (renewed) {
                lease_ = std::move(*renewed);
                last = std::chrono::steady_clock::now();
                continue;
            }
            const bool taken = renewed.error().code == Errc::conflict || renewed.error().code == Errc::not_found;
            if (!taken && std::chrono::steady_clock::now() - last < rules_.duration)
                continue;
            log_.warn("host lease lost", {{"job", job_}, {"lease", lease_.name}, {"why", renewed.error().message}});
            lost_.request_stop();
            return;
        }
    }

    Leases leases_;
    Lease lease_;
    const std::string job_;
    Log& log_;
    const HostLeaseRules rules_;
    std::stop_source lost_;
    std::jthread renewal_; // the last one: it uses all of the above
};

} // namespace

std::string host_lease_id(std::string_view moref)
{
    std::string id = "hostsystem-";
    for (const char c : moref)
        id += c == ':' ? '-' : c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    const bool is_label = id.size() <= longest_label && !moref.empty() && !id.ends_with('-') &&
                          id.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-") == std::string::npos;
    return is_label ? id : std::string();
}

std::string host_lease_name(const std::string& host_id, int slot)
{
    return fmt::format("esxi-lock-{}-slot-{}", host_id, slot);
}

HostLeases::HostLeases(Leases leases, Log& log, HostLeaseRules rules)
    : leases_(std::move(leases)), log_(log), rules_(rules), me_(pod_name())
{}

Result<std::unique_ptr<HostPermit>> HostLeases::enter(const Call& call, const std::string& host_id)
{
    const auto without = [&](std::string_view why, std::string_view remedy) -> Result<std::unique_ptr<HostPermit>> {
        log_.warn("no lock on the host's rescans, going on without",
                  {{"job", call.job}, {"host", host_id}, {"why", why}, {"remedy", remedy}});
        return std::unique_ptr<HostPermit>(std::make_unique<Without>());
    };
    if (host_id.empty())
        return without("the host has no managed object reference that can name a Lease", "");
    for (bool told = false;; told = true) {
        auto seen = look(call.within(rules_.patience), host_id);
        if (call.stop.stop_requested())
            return rest::cancelled().in("wait for the lock on the host's rescans");
        if (!seen)
            return without(seen.error().message, seen.error().remedy);
        if (seen->taken)
            return std::unique_ptr<HostPermit>(
                std::make_unique<Held>(leases_, std::move(*seen->taken), call, log_, rules_));
        if (!told)
            log_.info("waiting for the lock on the host's rescans",
                      {{"job", call.job}, {"host", host_id}, {"holders", seen->holders}});
        auto wait = rules_.look_again;
        if (seen->first_expiry)
            wait = std::clamp(std::chrono::ceil<milliseconds>(*seen->first_expiry - now()) + milliseconds(1),
                              milliseconds(20), wait);
        if (!pause(call, wait))
            return call.stop.stop_requested()
                       ? rest::cancelled().in("wait for the lock on the host's rescans")
                       : Error{Errc::busy,
                               fmt::format("others rescan host {} all the time: {}", host_id, seen->holders),
                               "run again when fewer copies use this host", "host_locked"};
    }
}

Result<HostLeases::Look> HostLeases::look(const Call& call, const std::string& host_id)
{
    Look result;
    for (int slot = 0; slot < rules_.slots; ++slot) {
        const auto name = host_lease_name(host_id, slot);
        auto found = leases_.get(call, name);
        if (!found && found.error().reason != not_found)
            return found.error();
        if (found && !has_expired(*found, now())) {
            result.holders += (result.holders.empty() ? "" : ", ") + found->holder;
            if (found->renewed && found->duration) {
                const auto expiry = *found->renewed + *found->duration;
                result.first_expiry = std::min(result.first_expiry.value_or(expiry), expiry);
            }
            continue;
        }
        auto taken = acquire(call, found ? std::move(*found) : Lease{.name = name});
        if (taken) {
            result.taken = std::move(*taken);
            return result;
        }
        if (taken.error().code != Errc::conflict)
            return taken.error();
    }
    return result;
}

Result<Lease> HostLeases::acquire(const Call& call, Lease found)
{
    found.holder = me_;
    found.duration = rules_.duration;
    found.acquired = found.renewed = now();
    return found.version.empty() ? leases_.create(call, found) : leases_.update(call, found);
}

} // namespace xcopy::kube
