// What this process knows of its own doing, shared by the threads that use one driver.
#pragma once

#include <map>
#include <mutex>
#include <optional>
#include <utility>

namespace xcopy {

template <class Key, class Value> class Remembered {
public:
    void put(const Key& key, Value value)
    {
        const std::lock_guard lock(mutex_);
        values_.insert_or_assign(key, std::move(value));
    }

    std::optional<Value> get(const Key& key) const
    {
        const std::lock_guard lock(mutex_);
        const auto found = values_.find(key);
        return found == values_.end() ? std::nullopt : std::optional(found->second);
    }

private:
    mutable std::mutex mutex_;
    std::map<Key, Value> values_;
};

} // namespace xcopy
