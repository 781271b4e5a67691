#include "agent/esxi/files.hpp"

#include "agent/esxi/unique_fd.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fcntl.h>
#include <sys/stat.h>

namespace xcopy {

namespace {

Errc code_of(int error)
{
    switch (error) {
    case ENOENT:
    case ENOTDIR:
        return Errc::not_found;
    case EACCES:
    case EPERM:
    case EROFS:
        return Errc::denied;
    case EBUSY:
        return Errc::busy;
    case ELOOP:
        return Errc::conflict;
    case ENOSPC:
        return Errc::unavailable;
    default:
        return Errc::failed;
    }
}

bool write_all(int fd, std::string_view text)
{
    while (!text.empty()) {
        const ssize_t put = write(fd, text.data(), text.size());
        if (put < 0 && errno != EINTR)
            return false;
        if (put > 0)
            text.remove_prefix(static_cast<std::size_t>(put));
    }
    return true;
}

} // namespace

Error file_error(std::string_view action, std::string_view path, int error)
{
    return {code_of(error), fmt::format("cannot {} {}: {}", action, path, std::strerror(error))};
}

Result<std::string> read_file(const std::string& path, std::size_t limit, Follow follow)
{
    const int no_follow = follow == Follow::nothing ? O_NOFOLLOW : 0;
    const UniqueFd file(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | no_follow));
    if (!file)
        return file_error("open", path, errno);
    struct stat about {};
    if (fstat(file.get(), &about) != 0)
        return file_error("look at", path, errno);
    if (!S_ISREG(about.st_mode))
        return Error{Errc::unsupported, fmt::format("{} is not a regular file", path), "", "not_a_file"};
    std::string text;
    std::array<char, 8192> buffer;
    for (;;) {
        const ssize_t got = read(file.get(), buffer.data(), buffer.size());
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return file_error("read", path, errno);
        if (got == 0)
            return text;
        text.append(buffer.data(), static_cast<std::size_t>(got));
        if (text.size() > limit)
            return Error{Errc::unsupported, fmt::format("{} is larger than {} bytes", path, limit), "", "too_large"};
    }
}

Result<void> replace_file(const std::string& path, std::string_view text, Durable durable)
{
    const std::string fresh = path + ".new";
    const UniqueFd file(open(fresh.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600));
    if (!file)
        return file_error("create", fresh, errno);
    if (!write_all(file.get(), text) || (durable == Durable::yes && fsync(file.get()) != 0))
        return file_error("write", fresh, errno);
    if (rename(fresh.c_str(), path.c_str()) != 0)
        return file_error("replace", path, errno);
    return {};
}

Result<void> overwrite_file(const std::string& path, std::string_view text, Mode mode)
{
    constexpr std::size_t longest = 256 * 1024;
    const UniqueFd file(open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600));
    if (!file)
        return file_error("open", path, errno);
    struct stat about {};
    if (fstat(file.get(), &about) != 0)
        return file_error("look at", path, errno);
    if (!S_ISREG(about.st_mode))
        return Error{Errc::unsupported, fmt::format("{} is not a regular file", path), "", "not_a_file"};
    constexpr mode_t others = S_IRWXG | S_IRWXO;
    if (mode == Mode::secret && (about.st_mode & others) != 0 && fchmod(file.get(), about.st_mode & 07700) != 0)
        return file_error("keep others from", path, errno);
    const auto old_size = static_cast<std::size_t>(about.st_size);
    if (old_size > longest || text.size() > longest)
        return Error{Errc::unsupported, fmt::format("{} is larger than {} bytes", path, longest), "", "too_large"};

    std::string old(old_size, '\0');
    if (pread(file.get(), old.data(), old_size, 0) != static_cast<ssize_t>(old_size))
        return file_error("read", path, errno);
    std::string padded(text);
    padded.resize(std::max(old_size, text.size()), '\n');
    const auto put = [&](const std::string& all) {
        return pwrite(file.get(), all.data(), all.size(), 0) == static_cast<ssize_t>(all.size());
    };
    if (!put(padded)) {
        const int why = errno != 0 ? errno : ENOSPC;
        const bool restored = put(old) && ftruncate(file.get(), static_cast<off_t>(old_size)) == 0;
        auto error = file_error("write", path, why);
        error.message += restored ? "; it is as it was" : "; it is damaged now";
        return error;
    }
    if (ftruncate(file.get(), static_cast<off_t>(text.size())) != 0 || fsync(file.get()) != 0)
        return file_error("write", path, errno);
    return {};
}

Result<void> remove_file(const std::string& path)
{
    if (unlink(path.c_str()) != 0 && errno != ENOENT)
        return file_error("remove", path, errno);
    return {};
}

} // namespace xcopy
