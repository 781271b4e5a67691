#include "coordinator/file_journal.hpp"

#include "protocol/ids.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

namespace xcopy {

namespace fs = std::filesystem;

namespace {

constexpr std::size_t longest_record = 4 * 1024 * 1024;

class Fd {
public:
    explicit Fd(int fd) : fd_(fd) {}
    Fd(Fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
    Fd& operator=(Fd&& other) noexcept
    {
        std::swap(fd_, other.fd_);
        return *this;
    }
    ~Fd()
    {
        if (fd_ >= 0)
            ::close(fd_);
    }

    explicit operator bool() const { return fd_ >= 0; }
    int get() const { return fd_; }

private:
    int fd_;
};

Error io_error(std::string_view what, const fs::path& path)
{
    return {Errc::failed, fmt::format("cannot {} {}: {}", what, path.string(), std::strerror(errno)),
            "give --state-dir a directory this user can write, with free space", "state_dir"};
}

Result<void> write_all(int fd, std::string_view text, const fs::path& path)
{
    while (!text.empty()) {
        const auto written = ::write(fd, text.data(), text.size());
        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0)
            return io_error("write", path);
        text.remove_prefix(static_cast<std::size_t>(written));
    }
    return {};
}

Result<void> sync_directory(const fs::path& directory)
{
    const Fd fd(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!fd || ::fsync(fd.get()) != 0)
        return io_error("sync", directory);
    return {};
}

// Either the old content or the new one is there after a crash, never a part.
Result<void> replace_file(const fs::path& path, std::string_view text)
{
    const fs::path fresh = path.string() + ".new";
    {
        const Fd fd(::open(fresh.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600));
        if (!fd)
            return io_error("create", fresh);
        if (auto written = write_all(fd.get(), text, fresh); !written)
            return written;
        if (::fsync(fd.get()) != 0)
            return io_error("sync", fresh);
    }
    if (::rename(fresh.c_str(), path.c_str()) != 0)
        return io_error("rename", fresh);
    return sync_directory(path.parent_path());
}

Result<std::optional<std::string>> read_file(const fs::path& path)
{
    const Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!fd && errno == ENOENT)
        return std::optional<std::string>();
    if (!fd)
        return io_error("read", path);
    std::string text;
    char buffer[16384];
    for (;;) {
        const auto got = ::read(fd.get(), buffer, sizeof buffer);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0 || text.size() > longest_record)
            return io_error("read", path);
        if (got == 0)
            return std::optional(std::move(text));
        text.append(buffer, static_cast<std::size_t>(got));
    }
}

class FilePage final : public JournalPage {
public:
    FilePage(fs::path file, fs::path lock_file, Fd lock)
        : file_(std::move(file)), lock_file_(std::move(lock_file)), lock_(std::move(lock))
    {}

    // The lock file goes while it is still locked; claim() notices that it locked a name that is gone.
    ~FilePage() override { ::unlink(lock_file_.c_str()); }

    Result<std::optional<CopyRecord>> read() override
    {
        auto text = read_file(file_);
        if (!text)
            return text.error();
        if (!*text)
            return std::optional<CopyRecord>();
        auto record = decode_record(**text);
        if (!record)
            return Error{Errc::failed, fmt::format("journal {}: {}", file_.string(), record.error().message),
                         "it was damaged or written by a newer version; use that version, or look by hand what of it "
                         "is still mapped before moving the file away",
                         "journal_unreadable"};
        return std::optional(std::move(*record));
    }

    Result<void> write(const CopyRecord& record) override { return replace_file(file_, encode(record)); }

    Result<void> remove() override
    {
        if (::unlink(file_.c_str()) != 0 && errno != ENOENT)
            return io_error("remove", file_);
        return sync_directory(file_.parent_path());
    }

private:
    fs::path file_;
    fs::path lock_file_;
    Fd lock_;
};

} // namespace

Result<std::unique_ptr<FileJournal>> FileJournal::open(const fs::path& directory)
{
    std::error_code problem;
    if (directory.has_parent_path())
        fs::create_directories(directory.parent_path(), problem);
    if (::mkdir(directory.c_str(), 0700) != 0 && errno != EEXIST)
        return io_error("create state directory", directory);
    if (::access(directory.c_str(), R_OK | W_OK | X_OK) != 0)
        return io_error("use state directory", directory);
    struct stat state {};
    if (::stat(directory.c_str(), &state) != 0 || !S_ISDIR(state.st_mode)) {
        errno = ENOTDIR;
        return io_error("use state directory", directory);
    }
    return std::unique_ptr<FileJournal>(new FileJournal(directory));
}

Result<std::unique_ptr<JournalPage>> FileJournal::claim(const std::string& job)
{
    if (auto checked = parse_job_id(job); !checked) // it becomes a file name
        return checked.error();
    const fs::path lock_file = directory_ / (job + ".lock");
    for (;;) {
        Fd lock(::open(lock_file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
        if (!lock)
            return io_error("create", lock_file);
        if (::flock(lock.get(), LOCK_EX | LOCK_NB) != 0)
            return Error{Errc::busy, fmt::format("another coordinator is working on job {}", job),
                         fmt::format("wait until it ends; it holds {}", lock_file.string()), "job_claimed"};
        struct stat held {};
        struct stat named {};
        const bool same = ::fstat(lock.get(), &held) == 0 && ::stat(lock_file.c_str(), &named) == 0 &&
                          held.st_ino == named.st_ino && held.st_dev == named.st_dev;
        if (same)
            return std::unique_ptr<JournalPage>(
                std::make_unique<FilePage>(directory_ / (job + ".json"), lock_file, std::move(lock)));
    }
}

Result<std::vector<std::string>> FileJournal::jobs()
{
    std::vector<std::string> found;
    std::error_code problem;
    for (const auto& entry : fs::directory_iterator(directory_, problem)) {
        const bool is_record = entry.path().extension() == ".json";
        if (is_record && parse_job_id(entry.path().stem().string()))
            found.push_back(entry.path().stem().string());
    }
    if (problem)
        return Error{Errc::failed, fmt::format("cannot list {}: {}", directory_.string(), problem.message()), "",
                     "state_dir"};
    std::ranges::sort(found);
    return found;
}

} // namespace xcopy
