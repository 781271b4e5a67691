#include "vendors/driver.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <utility>

namespace xcopy {

namespace {

bool is_refusal(const Error& error) // for a reason that is not about us or the moment
{
    return error.code == Errc::bad_request || error.code == Errc::conflict || error.code == Errc::unsupported ||
           error.code == Errc::failed;
}

} // namespace

Driver::Driver(Wiring wiring) : api_(wiring.transport, std::move(wiring.rules), std::move(wiring.sign_in), wiring.clock)
{}

Settling Driver::settling(const Call& call) const
{
    return {
        .call = call, .clock = api_.clock(), .after_error = [this](const Error& error) { return after_error(error); }};
}

Error Driver::error(Errc code, std::string_view why, std::string_view remedy, std::string_view reason) const
{
    return {code, fmt::format("{}: {}", array(), why), std::string(remedy), std::string(reason)};
}

Error Driver::wrong_array(std::string_view volume, std::string_view theirs, std::string_view ours) const
{
    return {Errc::conflict,
            fmt::format("wrong array configured: volume {} is on {}, {} is {}", volume, theirs, array(), ours),
            "use the secret of the array the StorageClass belongs to"};
}

Error Driver::answered_another(std::string_view asked_for) const
{
    return error(Errc::failed, fmt::format("asked for {} the array answered with another one", asked_for));
}

Result<rest::Json> Driver::only(const Result<rest::Json>& record, const Fields& fields,
                                std::string_view asked_for) const
{
    const auto holds = [&](const auto& field) { return rest::text_at(*record, field.first) == field.second; };
    return !record || std::ranges::all_of(fields, holds) ? record : answered_another(asked_for);
}

Result<Volume> Driver::unless_renamed(const Volume& volume, std::string_view name_in_handle) const
{
    if (volume.name == name_in_handle)
        return volume;
    return error(Errc::conflict,
                 fmt::format("volume {} is called '{}', the handle says '{}'", volume.id, volume.name, name_in_handle),
                 "the volume was replaced or renamed: look at it on the array");
}

Result<void> Driver::unless_replaced(const Volume& volume, const rest::Json& record, std::string_view wwn_field,
                                     Errc code) const
{
    if (volume.naa == "naa." + lower(rest::text_at(record, wwn_field)))
        return {};
    return error(code, fmt::format("volume {} is gone and its id {} another's", volume.name, volume.id), "run again");
}

Result<std::vector<Mapping>> Driver::mappings_of(const Call& call, const Volume& volume)
{
    auto read = read_mappings(call, volume);
    if (!read)
        return Error(read.error()).in(fmt::format("list the mappings of {}", volume.name));
    std::vector<Mapping> mappings;
    for (Mapping& one : *read) {
        const auto known = std::ranges::find(mappings, one.host.id, [](const Mapping& other) { return other.host.id; });
        if (known == mappings.end())
            mappings.push_back(std::move(one));
        else
            for (const auto& id : one.host.initiator_ids)
                if (std::ranges::count(known->host.initiator_ids, id) == 0)
                    known->host.initiator_ids.push_back(id);
    }
    return mappings;
}

Result<std::optional<Mapping>> Driver::reaching(const Call& call, const Volume& volume, const ArrayHost& host, bool)
{
    const auto mappings = mappings_of(call, volume);
    return mappings ? Result<std::optional<Mapping>>(mapping_that_reaches(*mappings, host)) : mappings.error();
}

Result<Mapping> Driver::map(const Call& call, const Volume& volume, const ArrayHost& host, std::optional<int> lun)
{
    if (!are_ids(volume, host))
        return no_ids(volume, host);
    if (lun && lun_numbers() && (*lun < 0 || *lun > lun_numbers()->highest()))
        return Error{Errc::bad_request,
                     fmt::format("LUN number {} is not between 0 and {}", *lun, lun_numbers()->highest())};
    bool in_doubt = false;
    const auto look = [&] { return reaching(call, volume, host, in_doubt); };
    const auto change = [&]() -> Result<std::optional<Mapping>> {
        auto connected = connect(call, volume, host, lun);
        in_doubt = !connected;
        // What arrays say of a number in use differs and is often published nowhere; whether it is, can be seen.
        if (!connected && lun && lun_numbers() && is_refusal(connected.error()))
            if (const auto mine = Driver::reaching(call, volume, host, true); mine && !*mine)
                if (const auto used = lun_numbers()->used_by(call, host); used && used->contains(*lun))
                    return Error{Errc::busy, fmt::format("LUN {} is taken: {}", *lun, connected.error().message),
                                 "run again: another number is chosen"};
        return connected;
    };
    return in_step(fmt::format("map {} to {}", volume.name, host.name), settle<Mapping>(settling(call), look, change));
}

Result<bool> Driver::is_gone(const Call& call, const Volume& volume, const ArrayHost& host)
{
    const auto mappings = mappings_of(call, volume);
    if (!mappings)
        return mappings.error();
    return std::ranges::none_of(*mappings, [&](const Mapping& one) { return one.host.id == host.id; });
}

Result<void> Driver::unmap(const Call& call, const Volume& volume, const ArrayHost& host)
{
    if (!are_ids(volume, host))
        return no_ids(volume, host);
    return in_step(fmt::format("unmap {} from {}", volume.name, host.name),
                   settle_removal(
                       settling(call), [&] { return is_gone(call, volume, host); },
                       [&] { return disconnect(call, volume, host); }));
}

Error no_ids(const Volume& volume, const ArrayHost& host)
{
    return {Errc::bad_request,
            fmt::format("'{}' is not the id of a volume, or '{}' not one of a host", volume.id, host.id)};
}

Error not_a_handle(const VolumeHandle& handle, std::string_view of, std::string_view csi_driver)
{
    return {Errc::bad_request, fmt::format("'{}' is not a volume handle of {}", handle.handle, of),
            fmt::format("the PersistentVolume must have been made by {}", csi_driver)};
}

Error about(const Volume& volume, Errc code, std::string_view why, std::string_view remedy, std::string_view reason)
{
    return {code, fmt::format("volume {}: {}", volume.name.empty() ? volume.id : volume.name, why), std::string(remedy),
            std::string(reason)};
}

Result<Volume> proven(Volume volume, std::int64_t bytes, std::initializer_list<std::string_view> naa_begins)
{
    const auto digits = volume.naa.starts_with("naa.") ? std::string_view(volume.naa).substr(4) : std::string_view();
    const bool known = std::ranges::any_of(
        naa_begins, [&](std::string_view begin) { return std::string_view(volume.naa).starts_with(begin); });
    const std::size_t length = digits.starts_with('6') ? 32 : 16; // NAA types 6 and 5
    if (!known || digits.size() != length || !is_hex(digits))
        return about(volume, Errc::failed, fmt::format("its NAA '{}' is not one of this vendor", volume.naa));
    if (bytes <= 0 || volume.id.empty())
        return about(volume, Errc::failed, "the array gave no size or no id");
    volume.size_bytes = static_cast<std::uint64_t>(bytes);
    return volume;
}

std::optional<int> number_in(const rest::Json& record, std::string_view field)
{
    const auto number = rest::number_at(record, field);
    return number && *number >= 0 && *number <= 16383 ? std::optional(static_cast<int>(*number)) : std::nullopt;
}

std::set<int> numbers_in(const std::vector<rest::Json>& records, std::string_view field)
{
    std::set<int> numbers;
    for (const auto& record : records)
        if (const auto number = number_in(record, field))
            numbers.insert(*number);
    return numbers;
}

Result<std::set<int>> numbers_in(const Result<std::vector<rest::Json>>& records, std::string_view field)
{
    return then(records, [&](const std::vector<rest::Json>& all) { return numbers_in(all, field); });
}

} // namespace xcopy
