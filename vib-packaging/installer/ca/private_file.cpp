#include "vib-packaging/installer/ca/private_file.hpp"

#include <fmt/format.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace xcopy::ca {

namespace {

constexpr std::size_t longest = 256 * 1024;

struct OpenFile {
    int fd = -1;
    ~OpenFile()
    {
        if (fd >= 0)
            ::close(fd);
    }
};

Error file_error(std::string_view action, const std::filesystem::path& path, int error)
{
    return {error == ENOENT ? Errc::not_found : Errc::failed,
            fmt::format("cannot {} {}: {}", action, path.string(), std::strerror(error))};
}

Result<void> only_for_owner(const std::filesystem::path& path, const struct stat& about)
{
    if ((about.st_mode & (S_IRWXG | S_IRWXO)) == 0)
        return {};
    return Error{
        Errc::denied, fmt::format("others than its owner may read {}", path.string()),
        fmt::format("find out who did; then chmod {} {}", S_ISDIR(about.st_mode) ? "700" : "600", path.string()),
        "exposed"};
}

} // namespace

Result<void> write_private(const std::filesystem::path& file, std::string_view text)
{
    const std::string fresh = file.string() + ".new";
    ::unlink(fresh.c_str()); // of a run that died
    const OpenFile out{::open(fresh.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600)};
    if (out.fd < 0)
        return file_error("create", fresh, errno);
    const bool put = ::write(out.fd, text.data(), text.size()) == static_cast<ssize_t>(text.size());
    if (!put || ::fsync(out.fd) != 0)
        return file_error("write", fresh, errno);
    if (::rename(fresh.c_str(), file.c_str()) != 0)
        return file_error("replace", file, errno);
    return {};
}

Result<std::string> read_private(const std::filesystem::path& file)
{
    const OpenFile in{::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)};
    struct stat about {};
    if (in.fd < 0 || ::fstat(in.fd, &about) != 0)
        return file_error("read", file, errno);
    if (auto good = only_for_owner(file, about); !good)
        return good.error();
    std::string text;
    std::array<char, 8192> buffer;
    for (;;) {
        const ssize_t got = ::read(in.fd, buffer.data(), buffer.size());
        if (got < 0)
            return file_error("read", file, errno);
        if (got == 0)
            return text;
        text.append(buffer.data(), static_cast<std::size_t>(got));
        if (text.size() > longest)
            return Error{Errc::bad_request, fmt::format("{} is larger than {} bytes", file.string(), longest)};
    }
}

Result<void> make_private_directory(const std::filesystem::path& directory)
{
    if (::mkdir(directory.c_str(), 0700) != 0 && errno != EEXIST)
        return file_error("make", directory, errno);
    struct stat about {};
    if (::stat(directory.c_str(), &about) != 0)
        return file_error("look at", directory, errno);
    if (!S_ISDIR(about.st_mode))
        return file_error("make", directory, ENOTDIR);
    return only_for_owner(directory, about);
}

} // namespace xcopy::ca
