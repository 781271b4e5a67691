#include "agent/esxi/files.hpp"

#include "agent/esxi/unique_fd.hpp"

#include <fmt/format.h>

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

Result<void> remove_file(const std::string& path)
{
    if (unlink(path.c_str()) != 0 && errno != ENOENT)
        return file_error("remove", path, errno);
    return {};
}

} // namespace xcopy
