#include "tests/lab/arrays/byte_copy.hpp"

#include <algorithm>
#include <fcntl.h>
#include <unistd.h>
#include <utility>
#include <vector>

namespace lab {

namespace {

class Descriptor {
public:
    Descriptor(const std::filesystem::path& file, int how) : number_(::open(file.c_str(), how | O_CLOEXEC)) {}
    ~Descriptor()
    {
        if (number_ >= 0)
            ::close(number_);
    }
    Descriptor(const Descriptor&) = delete;
    Descriptor& operator=(const Descriptor&) = delete;

    operator int() const { return number_; }

private:
    int number_;
};

void copy_data(int from, int to, off_t at, off_t end)
{
    std::vector<char> buffer(std::size_t{1} << 20);
    while (at < end) {
        const auto wanted = static_cast<std::size_t>(std::min<off_t>(static_cast<off_t>(buffer.size()), end - at));
        const auto count = ::pread(from, buffer.data(), wanted, at);
        if (count <= 0 || ::pwrite(to, buffer.data(), static_cast<std::size_t>(count), at) != count)
            return;
        at += count;
    }
}

} // namespace

ByteCopy::ByteCopy(std::filesystem::path from, std::filesystem::path to, std::uint64_t size)
    : from_(std::move(from)), to_(std::move(to)), size_(size)
{}

// Volumes are sparse files of many gigabytes: holes are copied as holes.
void ByteCopy::bring_to(int percent)
{
    percent = std::clamp(percent, percent_, 100);
    auto at = static_cast<off_t>(size_ * static_cast<std::uint64_t>(percent_) / 100);
    const auto end = static_cast<off_t>(size_ * static_cast<std::uint64_t>(percent) / 100);
    const Descriptor from(from_, O_RDONLY);
    const Descriptor to(to_, O_WRONLY);
    while (at < end && from >= 0 && to >= 0) {
        const auto data = ::lseek(from, at, SEEK_DATA);
        const auto data_begin = data < 0 ? end : std::min(data, end);
        if (data_begin > at && ::fallocate(to, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, at, data_begin - at) != 0)
            copy_data(from, to, at, data_begin); // a file system without holes
        const auto hole = ::lseek(from, data_begin, SEEK_HOLE);
        const auto data_end = hole < 0 ? end : std::min(hole, end);
        copy_data(from, to, data_begin, data_end);
        at = std::max(data_end, data_begin);
    }
    percent_ = percent;
}

} // namespace lab
