#include "tests/lab/arrays/byte_copy.hpp"

#include <algorithm>
#include <fstream>
#include <utility>
#include <vector>

namespace lab {

ByteCopy::ByteCopy(std::filesystem::path from, std::filesystem::path to, std::uint64_t size)
    : from_(std::move(from)), to_(std::move(to)), size_(size)
{}

void ByteCopy::bring_to(int percent)
{
    percent = std::clamp(percent, percent_, 100);
    std::uint64_t at = size_ * static_cast<std::uint64_t>(percent_) / 100;
    const std::uint64_t end = size_ * static_cast<std::uint64_t>(percent) / 100;
    std::ifstream in(from_, std::ios::binary);
    std::fstream out(to_, std::ios::binary | std::ios::in | std::ios::out);
    in.seekg(static_cast<std::streamoff>(at));
    out.seekp(static_cast<std::streamoff>(at));
    std::vector<char> buffer(std::size_t{1} << 20);
    while (at < end && in && out) {
        const auto count = static_cast<std::streamsize>(std::min<std::uint64_t>(buffer.size(), end - at));
        in.read(buffer.data(), count);
        out.write(buffer.data(), in.gcount());
        at += static_cast<std::uint64_t>(in.gcount());
    }
    percent_ = percent;
}

} // namespace lab
