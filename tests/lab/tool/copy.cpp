#include "tests/lab/tool/copy.hpp"

#include "tests/lab/tool/print.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <memory>
#include <unistd.h>
#include <vector>

namespace lab {

namespace {

using nlohmann::json;

struct Extent {
    Fd file; // none: zeros
    std::uint64_t offset;
    std::uint64_t bytes;
    std::vector<Fd> below{}; // of a delta: what is read where it has holes, nearest first
};

off_t signed_offset(std::uint64_t offset)
{
    return static_cast<off_t>(offset);
}

// Makes a range of the target read as zeros without filling it, so that a sparse disk stays sparse.
bool clear(int target, std::uint64_t to, std::uint64_t bytes)
{
    return ::fallocate(target, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, signed_offset(to), signed_offset(bytes)) ==
           0;
}

bool move_data(int source, std::uint64_t from, int target, std::uint64_t to, std::uint64_t bytes)
{
    static std::vector<char> buffer(std::size_t{1} << 20);
    while (bytes > 0) {
        const auto got =
            ::pread(source, buffer.data(), std::min<std::uint64_t>(buffer.size(), bytes), signed_offset(from));
        if (got <= 0 || ::pwrite(target, buffer.data(), static_cast<std::size_t>(got), signed_offset(to)) != got)
            return false;
        from += static_cast<std::uint64_t>(got);
        to += static_cast<std::uint64_t>(got);
        bytes -= static_cast<std::uint64_t>(got);
    }
    return true;
}

// `level` 0 is the extent itself.
int source_at(const Extent& extent, std::size_t level)
{
    return level == 0 ? extent.file.get() : extent.below[level - 1].get();
}

bool move_range(const Extent& extent, std::size_t level, std::uint64_t from, int target, std::uint64_t to,
                std::uint64_t bytes)
{
    const int source = source_at(extent, level);
    while (bytes > 0) {
        const auto data = ::lseek(source, signed_offset(from), SEEK_DATA);
        const auto hole = data < 0 ? bytes : std::min<std::uint64_t>(static_cast<std::uint64_t>(data) - from, bytes);
        const bool is_last = level == extent.below.size();
        if (hole > 0 && !(is_last ? clear(target, to, hole) : move_range(extent, level + 1, from, target, to, hole)))
            return false;
        from += hole;
        to += hole;
        bytes -= hole;
        if (bytes == 0)
            break;
        const auto end = ::lseek(source, signed_offset(from), SEEK_HOLE);
        const auto some = std::min<std::uint64_t>(static_cast<std::uint64_t>(end) - from, bytes);
        if (!move_data(source, from, target, to, some))
            return false;
        from += some;
        to += some;
        bytes -= some;
    }
    return true;
}

bool move_step(const std::vector<Extent>& extents, int target, std::uint64_t done, std::uint64_t bytes)
{
    std::uint64_t begin = 0; // of the extent, on the disk
    for (const auto& extent : extents) {
        const auto end = begin + extent.bytes;
        if (done < end && bytes > 0) {
            const auto part = std::min(bytes, end - done);
            const bool good = extent.file ? move_range(extent, 0, extent.offset + (done - begin), target, done, part)
                                          : clear(target, done, part);
            if (!good)
                return false;
            done += part;
            bytes -= part;
        }
        begin = end;
    }
    return bytes == 0;
}

std::optional<std::string> give_up(LineChannel& lab, const std::string& reason)
{
    lab.send(json{{"failed", reason}}.dump());
    return lab.receive();
}

} // namespace

std::optional<std::string> run_copy(const json& order, LineChannel& lab)
{
    print(STDOUT_FILENO, order.at("stdout").get<std::string>());
    const Fd target(::open(order.at("target").get<std::string>().c_str(), O_WRONLY | O_CLOEXEC));
    if (!target)
        return give_up(lab, "No such device or address (393225)");
    std::vector<Extent> extents;
    for (const auto& e : order.at("extents")) {
        const auto path = e.at("file").get<std::string>();
        Fd file(path.empty() ? -1 : ::open(path.c_str(), O_RDONLY | O_CLOEXEC));
        if (!path.empty() && !file)
            return give_up(lab, "The system cannot find the file specified (25)");
        Extent extent{std::move(file), e.at("offset").get<std::uint64_t>(), e.at("bytes").get<std::uint64_t>()};
        for (const auto& below : e.value("below", json::array())) {
            extent.below.emplace_back(::open(below.get<std::string>().c_str(), O_RDONLY | O_CLOEXEC));
            if (!extent.below.back())
                return give_up(lab, "The parent of this virtual disk could not be opened (23)");
        }
        extents.push_back(std::move(extent));
    }

    const auto bytes = order.at("bytes").get<std::uint64_t>();
    int shown = -1;
    for (std::uint64_t done = 0;;) {
        if (const int percent = bytes == 0 ? 100 : static_cast<int>(done * 100 / bytes); percent != shown) {
            shown = percent;
            print(STDOUT_FILENO, "\rClone: " + std::to_string(percent) + "% done.");
        }
        if (!lab.send(json{{"done", done}}.dump()))
            return std::nullopt;
        auto line = lab.receive();
        if (!line)
            return std::nullopt;
        const auto answer = json::parse(*line);
        if (!answer.contains("go"))
            return line;
        const auto step = answer.at("go").get<std::uint64_t>();
        if (!move_step(extents, target.get(), done, step))
            return give_up(lab, "Input/output error (327689)");
        done += step;
    }
}

} // namespace lab
