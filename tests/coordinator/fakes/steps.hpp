// Every call a copy makes on the fakes is a step. One of them can fail, or be the last thing the process does.
#pragma once

#include "protocol/error.hpp"

#include <functional>
#include <mutex>
#include <string>
#include <vector>

namespace xcopy::test {

struct Death {}; // thrown through copy_disk: nothing after it runs, as when the process is killed

class Steps {
public:
    int fail_at = 0;                // this step fails instead of taking effect; counted from 1
    int die_after = 0;              // this step takes effect and nobody hears of it
    std::string always_fail;        // every step of this name fails
    std::function<void()> on_death; // before anything is destroyed
    std::function<void(int)> after; // each step, with its number
    Errc error = Errc::failed;
    std::string reason;

    template <class Effect> auto run(const std::string& name, Effect effect) -> decltype(effect())
    {
        int mine = 0;
        {
            const std::lock_guard lock(mutex_);
            names_.push_back(name);
            mine = static_cast<int>(names_.size());
        }
        if (mine == fail_at || name == always_fail)
            return Error{error, "injected failure of " + name, "", reason};
        auto result = effect();
        if (after)
            after(mine);
        if (mine == die_after) {
            if (on_death)
                on_death();
            throw Death{};
        }
        return result;
    }

    int count() const
    {
        const std::lock_guard lock(mutex_);
        return static_cast<int>(names_.size());
    }

    int count(const std::string& name) const
    {
        const std::lock_guard lock(mutex_);
        int found = 0;
        for (const auto& step : names_)
            found += step == name ? 1 : 0;
        return found;
    }

    std::string name_of(int step) const { return names_.at(static_cast<std::size_t>(step - 1)); }

    void calm() // from now on everything works
    {
        fail_at = die_after = 0;
        always_fail.clear();
        after = nullptr;
    }

private:
    mutable std::mutex mutex_;
    std::vector<std::string> names_;
};

} // namespace xcopy::test
