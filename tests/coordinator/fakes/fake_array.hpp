// An array in memory with one volume.
#pragma once

#include "tests/coordinator/fakes/steps.hpp"
#include "vendors/array.hpp"

#include <algorithm>

namespace xcopy::test {

// Copies inside the array, each look a quarter further.
class FakeCopier final : public VolumeCopier {
public:
    using Phase = ArrayCopyState::Phase;

    explicit FakeCopier(Steps& steps) : steps_(steps) {}

    Volume source{.id = "rdm-1", .name = "rdm-1", .naa = "naa.600a0980cccccccccccccccccccccccc", .size_bytes = 10};
    std::optional<Error> find_refusal;
    std::optional<Error> check_refusal;
    std::optional<Error> start_refusal;
    bool forgets = false;    // no record of a finished copy
    bool fails = false;      // halfway
    bool taken_away = false; // by somebody, halfway
    bool cannot_cancel = false;
    ArrayCopyState state{}; // what the array holds
    std::string id;         // whose copy that is
    int starts = 0;
    bool copied = false; // every byte is on the target

    bool copies(DiskBacking::Kind kind) const override { return kind == DiskBacking::Kind::rdm; }
    bool forgets_when_done() const override { return forgets; }

    Result<Volume> find_source(const Call&, const DiskBacking&) override
    {
        return steps_.run("find_source", [&]() -> Result<Volume> {
            if (find_refusal)
                return *find_refusal;
            return source;
        });
    }
    Result<void> check(const Call&, const ArrayCopy&) override
    {
        return steps_.run("check", [&]() -> Result<void> {
            if (check_refusal)
                return *check_refusal;
            return {};
        });
    }
    Result<ArrayCopyState> start(const Call&, const ArrayCopy& copy) override
    {
        return steps_.run("start", [&]() -> Result<ArrayCopyState> {
            if (start_refusal)
                return *start_refusal;
            if (state.phase == Phase::absent || state.phase == Phase::failed) {
                ++starts;
                id = copy.id;
                copied = false;
                state = {.phase = Phase::running, .percent = 0};
            }
            return state;
        });
    }
    Result<ArrayCopyState> look(const Call&, const ArrayCopy&) override
    {
        return steps_.run("look", [&]() -> Result<ArrayCopyState> {
            if (state.phase != Phase::running)
                return state;
            state.percent += 25;
            if (fails && state.percent >= 50)
                state = {.phase = Phase::failed, .percent = 50, .message = "pool is full"};
            if (taken_away && state.percent >= 50)
                state = {};
            if (state.percent == 100) {
                copied = true;
                state = forgets ? ArrayCopyState{} : ArrayCopyState{.phase = Phase::done, .percent = 100};
            }
            return state;
        });
    }
    Result<void> cancel(const Call&, const ArrayCopy&) override
    {
        return steps_.run("cancel", [&]() -> Result<void> {
            if (cannot_cancel && state.phase == Phase::running)
                return Error{Errc::unsupported, "this array cannot stop a copy"};
            state = {};
            return {};
        });
    }
    Result<void> forget(const Call&, const ArrayCopy&) override
    {
        return steps_.run("forget_copy", [&]() -> Result<void> {
            state = {};
            return {};
        });
    }

private:
    Steps& steps_;
};

class FakeArray final : public Array, public LunNumbers {
public:
    explicit FakeArray(Steps& steps) : copier(steps), steps_(steps) {}

    FakeCopier copier;
    bool offers_copies = false;
    VolumeCopier* volume_copier() override { return offers_copies ? &copier : nullptr; }

    Volume volume{.id = "lun-1",
                  .name = "/vol/pvc_1/lun0",
                  .naa = "naa.600a098038313954492458313032502d",
                  .serial = "819TI$X102P-",
                  .size_bytes = std::uint64_t{10} << 30};
    std::vector<Mapping> mappings{{{.id = "k8s", .name = "trident-node-1"}, 3}};
    std::vector<Mapping> already_reaches_host; // through another object of the array
    std::set<int> used;                        // LUN numbers of the ESXi host
    std::set<int> taken_unseen;                // taken, and not listed yet
    bool chooses_lun = true;
    int own_choice = 5;
    std::optional<Error> refusal; // of find_volume

    Result<ArrayInfo> info(const Call&) override { return ArrayInfo{"Fake", "Fake", "1", "1"}; }

    Result<Volume> find_volume(const Call&, const VolumeHandle&) override
    {
        return steps_.run("find_volume", [&]() -> Result<Volume> {
            if (refusal)
                return *refusal;
            return volume;
        });
    }

    Result<ArrayHost> ensure_host(const Call&, const HostIdentity& who) override
    {
        return steps_.run("ensure_host", [&]() -> Result<ArrayHost> {
            return ArrayHost{.id = "ig-" + who.uuid, .name = "xcopy-" + who.name};
        });
    }

    Result<std::vector<Mapping>> mappings_of(const Call&, const Volume&) override
    {
        return steps_.run("mappings_of", [&]() -> Result<std::vector<Mapping>> { return mappings; });
    }

    Result<Mapping> map(const Call&, const Volume&, const ArrayHost& host, std::optional<int> lun) override
    {
        return steps_.run("map", [&]() -> Result<Mapping> {
            if (!already_reaches_host.empty())
                return already_reaches_host.front();
            for (const auto& mapping : mappings)
                if (mapping.host.id == host.id)
                    return mapping;
            if (lun && (used.contains(*lun) || taken_unseen.contains(*lun)))
                return Error{Errc::busy, "LUN number taken"};
            mappings.push_back({host, lun ? lun : own_choice});
            return mappings.back();
        });
    }

    Result<void> unmap(const Call&, const Volume&, const ArrayHost& host) override
    {
        return steps_.run("unmap", [&]() -> Result<void> {
            std::erase_if(mappings, [&](const Mapping& m) { return m.host.id == host.id; });
            return {};
        });
    }

    LunNumbers* lun_numbers() override { return chooses_lun ? this : nullptr; }
    int highest() const override { return 4095; }
    Result<std::set<int>> used_by(const Call&, const ArrayHost&) override
    {
        return steps_.run("used_by", [&]() -> Result<std::set<int>> { return used; });
    }

    std::vector<std::string> mapped_to() const
    {
        std::vector<std::string> ids;
        for (const auto& mapping : mappings)
            ids.push_back(mapping.host.id);
        std::ranges::sort(ids);
        return ids;
    }

private:
    Steps& steps_;
};

} // namespace xcopy::test
