#include "agent/esxi/job_dir.hpp"

#include "agent/esxi/files.hpp"
#include "agent/esxi/job_json.hpp"
#include "agent/esxi/unique_fd.hpp"
#include "agent/esxi/writer_lock.hpp"
#include "protocol/ids.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <dirent.h>
#include <fcntl.h>
#include <memory>
#include <sys/stat.h>
#include <unistd.h>

namespace xcopy {

namespace {

constexpr std::size_t max_job_file = std::size_t{64} * 1024;

std::string order_file(const std::string& dir)
{
    return dir + "/order.json";
}

std::string status_file(const std::string& dir)
{
    return dir + "/status.json";
}

std::string cancel_file(const std::string& dir)
{
    return dir + "/cancel";
}

bool exists(const std::string& path)
{
    return access(path.c_str(), F_OK) == 0;
}

} // namespace

// A directory without an order is what an agent left that died here before: it is taken over.
Result<void> JobDir::create(const JobOrder& order) const
{
    if (mkdir(path_.c_str(), 0700) != 0 && errno != EEXIST)
        return file_error("make", path_, errno);
    if (exists(order_file(path_)))
        return Error{Errc::conflict, fmt::format("{} already holds an order", path_), "", "job_exists"};
    return replace_file(order_file(path_), to_json(order), Durable::no);
}

Result<void> JobDir::sync_order() const
{
    const UniqueFd file(open(order_file(path_).c_str(), O_RDWR | O_CLOEXEC));
    if (!file || fsync(file.get()) != 0)
        return file_error("sync", order_file(path_), errno);
    return {};
}

Result<JobOrder> JobDir::order() const
{
    auto text = read_file(order_file(path_), max_job_file);
    if (!text)
        return text.error();
    auto order = order_from_json(*text);
    if (!order)
        return std::move(order.error()).in(order_file(path_));
    return order;
}

Result<std::optional<JobStatus>> JobDir::status() const
{
    auto text = read_file(status_file(path_), max_job_file);
    if (!text && text.error().code == Errc::not_found)
        return std::optional<JobStatus>{};
    if (!text)
        return text.error();
    auto status = status_from_json(*text);
    if (!status)
        return std::move(status.error()).in(status_file(path_));
    return std::optional<JobStatus>(std::move(*status));
}

Result<void> JobDir::write_status(const JobStatus& status) const
{
    return replace_file(status_file(path_), to_json(status), is_final(status.state) ? Durable::yes : Durable::no);
}

Result<void> JobDir::request_cancel(const Error& why) const
{
    if (exists(cancel_file(path_))) // the first reason stays
        return {};
    return replace_file(cancel_file(path_), to_json(why), Durable::no);
}

// That the file is there is the request; what it says is only the reason.
std::optional<Error> JobDir::cancel_requested() const
{
    if (!exists(cancel_file(path_)))
        return std::nullopt;
    const auto text = read_file(cancel_file(path_), max_job_file);
    auto why = text ? cancel_from_json(*text) : std::nullopt;
    return why ? why : Error{Errc::cancelled, "cancelled, for a reason that cannot be read"};
}

// The order goes first: a directory without one is no job any more, wherever this is interrupted.
Result<void> JobDir::remove() const
{
    if (!exists(path_))
        return {};
    if (exists(writer_lock_path(*this)))
        if (auto lock = take_writer_lock(*this); !lock && lock.error().code == Errc::conflict)
            return std::move(lock.error()).in("remove job");
    for (const std::string& file : {order_file(path_), status_file(path_), cancel_file(path_)})
        for (const char* ending : {"", ".new"})
            if (auto removed = remove_file(file + ending); !removed)
                return removed;
    if (auto removed = remove_file(writer_lock_path(*this)); !removed)
        return removed;
    if (rmdir(path_.c_str()) != 0 && errno != ENOENT)
        return file_error("remove", path_, errno);
    return {};
}

Result<std::vector<std::string>> list_jobs(const std::string& root)
{
    const std::unique_ptr<DIR, int (*)(DIR*)> dir(opendir(root.c_str()), closedir);
    if (!dir && errno == ENOENT)
        return std::vector<std::string>{};
    if (!dir)
        return file_error("list", root, errno);
    std::vector<std::string> ids;
    while (const dirent* entry = readdir(dir.get())) {
        const std::string name = entry->d_name;
        struct stat about {};
        const auto path = fmt::format("{}/{}", root, name);
        const bool is_folder = lstat(path.c_str(), &about) == 0 && S_ISDIR(about.st_mode);
        if (is_folder && parse_job_id(name))
            ids.push_back(name);
    }
    std::sort(ids.begin(), ids.end());
    return ids;
}

} // namespace xcopy
