#include "tests/dropin/same_view.hpp"

#include <algorithm>
#include <fcntl.h>
#include <stdexcept>
#include <unistd.h>

namespace dropin {

namespace {

class File {
public:
    explicit File(const std::filesystem::path& path) : fd_(::open(path.c_str(), O_RDONLY | O_CLOEXEC))
    {
        if (fd_ < 0)
            throw std::runtime_error("cannot open " + path.string());
    }
    ~File()
    {
        if (fd_ >= 0)
            ::close(fd_);
    }
    File(File&& other) noexcept : fd_(other.fd_) { other.fd_ = -1; }
    File& operator=(File&&) = delete;
    File(const File&) = delete;
    File& operator=(const File&) = delete;

    // Where data begins or ends at or after that offset, `size` at most.
    std::uint64_t next(std::uint64_t from, int what, std::uint64_t size) const
    {
        const auto at = ::lseek(fd_, static_cast<off_t>(from), what);
        return at < 0 ? size : std::min(static_cast<std::uint64_t>(at), size);
    }
    std::vector<char> read(std::uint64_t from, std::size_t count) const
    {
        std::vector<char> bytes(count);
        if (::pread(fd_, bytes.data(), count, static_cast<off_t>(from)) != static_cast<ssize_t>(count))
            throw std::runtime_error("cannot read");
        return bytes;
    }

private:
    int fd_;
};

} // namespace

bool same_view(const std::vector<std::filesystem::path>& chain, const std::filesystem::path& target, std::uint64_t size)
{
    constexpr std::uint64_t most = std::uint64_t{1} << 20;
    std::vector<File> levels;
    for (const auto& path : chain)
        levels.emplace_back(path);
    const File copy(target);
    for (std::uint64_t at = 0; at < size;) {
        auto until = std::min(size, at + most);
        const File* owner = nullptr; // whose bytes are read at `at`
        auto any_data = copy.next(at, SEEK_DATA, size);
        for (const auto& level : levels) {
            const auto data = level.next(at, SEEK_DATA, size);
            any_data = std::min(any_data, data);
            if (data == at) {
                owner = &level;
                until = std::min(until, level.next(at, SEEK_HOLE, size));
                break;
            }
            until = std::min(until, data); // from there on this level counts
        }
        if (owner == nullptr && any_data > at) { // zeros on both sides
            at = any_data;
            continue;
        }
        const auto count = static_cast<std::size_t>(until - at);
        const auto wanted = owner != nullptr ? owner->read(at, count) : std::vector<char>(count, '\0');
        if (wanted != copy.read(at, count))
            return false;
        at = until;
    }
    return true;
}

} // namespace dropin
