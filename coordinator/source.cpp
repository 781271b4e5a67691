#include "coordinator/source.hpp"

#include "coordinator/copy_order.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace xcopy {

namespace {

constexpr std::string_view volumes = "/vmfs/volumes/";

Error malformed(std::string_view text, std::string_view why)
{
    return {Errc::bad_request, fmt::format("source '{}' {}", text.substr(0, 300), why),
            "write it as --source-vmdk '[datastore] folder/disk.vmdk'", "bad_source"};
}

bool has_control(std::string_view text)
{
    return std::ranges::any_of(text, [](unsigned char c) { return c < ' ' || c == 127; });
}

bool leaves_its_folder(std::string_view path)
{
    for (std::size_t at = 0; at <= path.size();) {
        const auto end = std::min(path.find('/', at), path.size());
        const auto part = path.substr(at, end - at);
        if (part.empty() || part == "." || part == "..")
            return true;
        at = end + 1;
    }
    return false;
}

// Data and change-tracking files beside the descriptor that people paste by mistake.
bool is_extent(std::string_view file)
{
    for (std::string_view suffix :
         {"-flat.vmdk", "-delta.vmdk", "-sesparse.vmdk", "-ctk.vmdk", "-rdm.vmdk", "-rdmp.vmdk"})
        if (file.ends_with(suffix))
            return true;
    return false;
}

} // namespace

Result<SourceName> parse_source(std::string_view text)
{
    SourceName source;
    if (text.size() > 2048)
        return malformed(text, "is too long");
    if (has_control(text))
        return malformed(text, "contains a control character");
    if (text.starts_with('[')) {
        const auto end = text.find(']');
        if (end == std::string_view::npos)
            return malformed(text, "has no ']' after the datastore's name");
        source.datastore = text.substr(1, end - 1);
        auto rest = text.substr(end + 1);
        rest.remove_prefix(std::min(rest.find_first_not_of(' '), rest.size()));
        source.file = rest;
    } else if (text.starts_with(volumes)) {
        const auto rest = text.substr(volumes.size());
        const auto end = std::min(rest.find('/'), rest.size());
        source.datastore = rest.substr(0, end);
        source.file = rest.substr(std::min(end + 1, rest.size()));
    } else {
        return malformed(text, "names no datastore");
    }
    if (source.datastore.empty() || source.datastore.find('/') != std::string::npos || source.datastore == "." ||
        source.datastore == "..")
        return malformed(text, "names no datastore");
    if (!source.file.ends_with(".vmdk") || source.file == ".vmdk")
        return malformed(text, "does not end in .vmdk");
    if (leaves_its_folder(source.file))
        return malformed(text, "has an empty, '.' or '..' part in its path");
    if (is_extent(source.file))
        return malformed(text, "is a data file; name the small descriptor that belongs to it (disk.vmdk)");
    return source;
}

const Datastore* find_datastore(const std::vector<Datastore>& seen, const SourceName& source)
{
    const auto found = std::ranges::find_if(seen, [&](const Datastore& d) {
        if (!source.uuid.empty())
            return d.mounted && d.uuid == source.uuid;
        return d.mounted && (d.name == source.datastore || (!d.uuid.empty() && d.uuid == source.datastore));
    });
    return found == seen.end() ? nullptr : &*found;
}

Result<SourceName> source_of(const CopyOrder& order)
{
    auto source = parse_source(order.source);
    if (source)
        source->uuid = order.datastore_uuid;
    return source;
}

std::string path_on_host(const Datastore& datastore, const SourceName& source)
{
    const std::string root =
        datastore.mount_point.empty() ? std::string(volumes) + datastore.name : datastore.mount_point;
    return root + '/' + source.file;
}

} // namespace xcopy
