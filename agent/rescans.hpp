// Telling the host to look for new LUNs, or to drop dead ones. One rescan at a time per host; whoever asks while one
// runs, or while one gathers, shares the next. Rescan storms keep a storage stack busy for minutes (facts/esxi.md 9).
#pragma once

#include "agent/counters.hpp"
#include "agent/esxi/tools.hpp"
#include "agent/event.hpp"
#include "agent/workers.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace xcopy {

// fc., iqn., eui., sas., tcp., rdma.: a SATA or USB controller never carries an array's LUN.
bool can_carry_lun(const Adapter&);

// Success as soon as one adapter could be rescanned: one that fails must not keep the others from being served.
Result<RescanReply> rescan_outcome(std::vector<std::string> served, const std::vector<Error>& failures, bool coalesced);

class Rescans {
public:
    Rescans(Workers& workers, const Tools& tools, Counters& counters)
        : workers_(workers), tools_(tools), counters_(counters)
    {}

    // A rescan of these adapters (none named: all that can carry a LUN) that begins after this call.
    awaitable<Result<RescanReply>> rescan(RescanKind kind, std::vector<std::string> adapters);

    // Grows with every rescan that ended.
    std::uint64_t ended() const { return idle_.count(); }

private:
    struct Round {
        RescanKind kind = RescanKind::add;
        bool all = false; // somebody named no adapter
        std::set<std::string> adapters;
        std::optional<Result<RescanReply>> outcome;
        Event joined, done;
    };
    std::shared_ptr<Round>& waiting(RescanKind kind) { return kind == RescanKind::add ? add_ : remove_; }
    awaitable<Result<RescanReply>> lead(std::shared_ptr<Round> round);
    awaitable<Result<RescanReply>> run(const Round& round);
    awaitable<Result<void>> rescan_one(const std::string& adapter, RescanKind kind);

    Workers& workers_;
    const Tools& tools_;
    Counters& counters_;
    bool running_ = false;
    Event idle_;
    std::shared_ptr<Round> add_, remove_; // not begun yet
};

} // namespace xcopy
