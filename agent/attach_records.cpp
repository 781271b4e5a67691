#include "agent/attach_records.hpp"

#include "protocol/ids.hpp"
#include "protocol/json_fields.hpp"

#include <cerrno>
#include <cstring>
#include <dirent.h>
#include <fcntl.h>
#include <fstream>
#include <sys/stat.h>
#include <unistd.h>

namespace xcopy {

template <class Archive> void serialize(Archive& a, AttachRecord& r)
{
    json::required(a, "naa", r.naa);
    json::required(a, "job", r.job);
    json::required(a, "size", r.size);
    json::field(a, "attached_ms", r.attached_ms);
}

namespace {

Error system_error(const std::string& what)
{
    return {Errc::failed, fmt::format("{}: {}", what, std::strerror(errno)), "check the space and state of state_dir"};
}

// By rename, and on disk before it counts.
Result<void> replace_file(const std::string& path, const std::string& text)
{
    const std::string next = path + ".new";
    const int file = ::open(next.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (file < 0)
        return system_error(next);
    const bool written = ::write(file, text.data(), text.size()) == static_cast<ssize_t>(text.size());
    const bool synced = written && ::fsync(file) == 0;
    ::close(file);
    if (!synced || ::rename(next.c_str(), path.c_str()) != 0)
        return system_error(path);
    return {};
}

} // namespace

Result<void> AttachRecords::load()
{
    if (::mkdir(directory_.c_str(), 0700) != 0 && errno != EEXIST)
        return system_error(directory_);
    DIR* directory = ::opendir(directory_.c_str());
    if (directory == nullptr)
        return system_error(directory_);
    Result<void> outcome;
    while (const dirent* entry = ::readdir(directory)) {
        const std::string name = entry->d_name;
        if (!name.ends_with(".json"))
            continue;
        std::ifstream file(directory_ + '/' + name);
        const std::string text((std::istreambuf_iterator<char>(file)), {});
        auto record = json::read<AttachRecord>(text);
        if (!record) {
            outcome = std::move(record.error()).in("attach record " + directory_ + '/' + name);
            outcome.error().remedy = "if nothing is being copied on this host, remove the file";
            break;
        }
        records_[record->naa] = *record;
    }
    ::closedir(directory);
    return outcome;
}

const AttachRecord* AttachRecords::find(const std::string& naa) const
{
    const auto found = records_.find(naa);
    return found == records_.end() ? nullptr : &found->second;
}

const AttachRecord* AttachRecords::find_job(const std::string& job) const
{
    for (const auto& [naa, record] : records_)
        if (record.job == job)
            return &record;
    return nullptr;
}

Result<void> AttachRecords::put(const AttachRecord& record)
{
    if (auto written = replace_file(fmt::format("{}/{}.json", directory_, record.naa), json::write(record)); !written)
        return written;
    records_[record.naa] = record;
    return {};
}

Result<void> AttachRecords::remove(const std::string& naa)
{
    const std::string path = fmt::format("{}/{}.json", directory_, naa);
    if (::unlink(path.c_str()) != 0 && errno != ENOENT)
        return system_error(path);
    records_.erase(naa);
    return {};
}

} // namespace xcopy
