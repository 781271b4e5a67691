#include "vendors/copying_driver.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>

namespace xcopy {

namespace {

using namespace std::chrono_literals;
using Phase = ArrayCopyState::Phase;

constexpr auto ends_within = 2min;

} // namespace

int percent_at(const rest::Json& record, std::initializer_list<std::string_view> fields)
{
    for (const std::string_view field : fields)
        if (const auto percent = rest::number_at(record, field))
            return static_cast<int>(std::clamp<std::int64_t>(*percent, 0, 100));
    return 0;
}

Result<std::string> naa_digits(const DiskBacking& backing, std::string_view prefix, std::string_view what)
{
    auto hex = hex_in(backing);
    if (hex.size() == 32 && hex.starts_with(prefix))
        return hex;
    return Error{Errc::not_found, fmt::format("'{}' is not {}", backing.id, what), "let a host copy it"};
}

std::string copy_name(const ArrayCopy& copy, std::size_t longest)
{
    return own_name(copy.id, longest);
}

Result<void> CopyingDriver::check(const Call&, const ArrayCopy& copy)
{
    return check_sizes(copy);
}

Result<std::optional<ArrayCopyRecord>> CopyingDriver::own_record(const Call& call, const ArrayCopy& copy)
{
    if (!is_plain_name("x" + copy.id, 58))
        return Error{Errc::bad_request, fmt::format("'{}' is not the id of a copy", copy.id)};
    auto record = record_of(call, copy);
    if (!record || !*record || ((*record)->source == copy.source.id && (*record)->target == copy.target.id))
        return record;
    return error(Errc::conflict,
                 fmt::format("copy {} is between other volumes: {} and {}", copy_name(copy), (*record)->source,
                             (*record)->target),
                 "look at it on the array; it is not touched");
}

Result<ArrayCopyState> CopyingDriver::look(const Call& call, const ArrayCopy& copy)
{
    const auto now = own_record(call, copy);
    if (!now)
        return now.error().in("look at the copy");
    return *now ? (*now)->state : ArrayCopyState{};
}

Result<ArrayCopyState> CopyingDriver::start(const Call& call, const ArrayCopy& copy)
{
    std::optional<ArrayCopyRecord> now;
    bool is_checked = false;
    const auto look_again = [&]() -> Result<std::optional<ArrayCopyState>> {
        auto record = own_record(call, copy);
        if (!record)
            return record.error();
        now = std::move(*record);
        return now && has_begun(*now) ? std::optional(now->state) : std::nullopt;
    };
    const auto step = [&]() -> Result<std::optional<ArrayCopyState>> {
        if (!is_checked)
            if (auto checked = check(call, copy); !checked)
                return checked.error();
        is_checked = true;
        return begin(call, copy, now);
    };
    auto started = settle<ArrayCopyState>(patiently(call), look_again, step);
    return started ? started : started.error().in(fmt::format("copy {} to {}", copy.source.name, copy.target.name));
}

Settling CopyingDriver::patiently(const Call& call) const
{
    auto how = settling(call);
    how.shows_late = true;
    how.first_pause = 250ms;
    how.longest_pause = 2s;
    return how;
}

bool CopyingDriver::has_begun(const ArrayCopyRecord& now) const
{
    return now.state.phase == Phase::running;
}

Result<void> CopyingDriver::cancel(const Call& call, const ArrayCopy& copy)
{
    const Call limited = call.within(ends_within);
    std::optional<ArrayCopyRecord> now;
    const auto look_again = [&]() -> Result<std::optional<bool>> {
        auto record = own_record(limited, copy);
        if (!record)
            return record.error();
        now = std::move(*record);
        return has_ended(now) ? std::optional(true) : std::nullopt;
    };
    const auto ended = settle<bool>(patiently(limited), look_again, [&]() -> Result<void> {
        auto step = end(limited, copy, *now);
        return !step && step.error().code == Errc::not_found ? Result<void>() : step; // gone in between: the look tells
    });
    return ended ? Result<void>()
                 : ended.error().in(fmt::format("end the copy of {} to {}", copy.source.name, copy.target.name));
}

Result<void> CopyingDriver::forget_ended(const Call& call, const ArrayCopy& copy)
{
    const auto now = look(call, copy);
    if (now && now->phase == Phase::running)
        return error(Errc::busy, fmt::format("copy {} is at {} %", copy_name(copy), now->percent),
                     "wait for its end, or cancel the copy");
    return now ? cancel(call, copy) : now.error();
}

Result<void> check_equal_sizes(const ArrayCopy& copy, std::string remedy)
{
    if (remedy.empty())
        remedy = fmt::format("make the PersistentVolume {} bytes large, or let a host copy it", copy.source.size_bytes);
    if (auto sizes = check_sizes(copy); !sizes)
        return sizes;
    if (copy.source.size_bytes == copy.target.size_bytes)
        return {};
    return Error{Errc::unsupported,
                 fmt::format("the array copies between equal volumes only: {} has {} bytes, {} has {}",
                             copy.source.name, copy.source.size_bytes, copy.target.name, copy.target.size_bytes),
                 std::move(remedy), "sizes_differ"};
}

} // namespace xcopy
