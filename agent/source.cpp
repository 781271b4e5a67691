#include "agent/source.hpp"

#include "agent/esxi/pointer_files.hpp"

#include <climits>
#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <sys/stat.h>

namespace xcopy {

namespace {

Result<std::string> canonical(const std::string& path)
{
    char* resolved = ::realpath(path.c_str(), nullptr);
    if (resolved == nullptr) {
        const bool absent = errno == ENOENT || errno == ENOTDIR;
        return Error{absent ? Errc::not_found : Errc::unavailable, fmt::format("{}: {}", path, std::strerror(errno)),
                     "check the datastore's name and the disk's folder with `ls /vmfs/volumes/`",
                     absent ? "source_missing" : "source_unreadable"};
    }
    std::string text(resolved);
    std::free(resolved);
    return text;
}

bool exists(const std::string& path)
{
    struct stat info {};
    return ::lstat(path.c_str(), &info) == 0;
}

bool climbs(std::string_view path)
{
    return path == ".." || path.starts_with("../") || path.ends_with("/..") ||
           path.find("/../") != std::string_view::npos;
}

} // namespace

Result<std::string> locate_source(const std::string& root, std::string_view source)
{
    const auto refuse = [&](std::string message) {
        return Error{Errc::bad_request, std::move(message),
                     "give the disk as \"[datastore] folder/disk.vmdk\" or /vmfs/volumes/datastore/folder/disk.vmdk",
                     "bad_source"};
    };
    if (source.empty() || source.size() >= PATH_MAX / 2)
        return refuse("the source's name is empty or too long");
    if (std::any_of(source.begin(), source.end(),
                    [](char c) { return static_cast<unsigned char>(c) < ' ' || c == 127; }))
        return refuse("the source's name has a control character or a line break in it");

    std::string path;
    if (source.front() == '[') {
        const auto end = source.find(']');
        if (end == std::string_view::npos || end < 2)
            return refuse(fmt::format("'{}' names no datastore", source));
        const std::string_view datastore = source.substr(1, end - 1);
        std::string_view rest = source.substr(end + 1);
        rest.remove_prefix(std::min(rest.find_first_not_of(" /"), rest.size()));
        if (rest.empty() || datastore.find('/') != std::string_view::npos)
            return refuse(fmt::format("'{}' names no file on a datastore", source));
        path = fmt::format("{}/{}/{}", root, datastore, rest);
    } else {
        path = source;
    }
    if (climbs(path))
        return Error{Errc::denied, fmt::format("'{}' leaves its folder with '..'", source), "give the plain path",
                     "source_outside_volumes"};
    if (!path.starts_with(root + '/'))
        return Error{Errc::denied, fmt::format("'{}' is not on a datastore (below {})", source, root),
                     "give the disk as \"[datastore] folder/disk.vmdk\"", "source_outside_volumes"};
    if (!path.ends_with(".vmdk"))
        return refuse(fmt::format("'{}' is not a .vmdk file", source));
    return path;
}

Result<SourceFile> look_at_source(const std::string& volumes, const std::string& located, const std::string& job)
{
    auto root = canonical(volumes);
    if (!root)
        return root.error();
    auto path = canonical(located);
    if (!path)
        return path.error();
    SourceFile source{
        .path = *path, .volumes_root = *root, .volume = {}, .descriptor = {}, .pointer_path = {}, .mapping_path = {}};
    if (!path->starts_with(*root + '/'))
        return source; // the guards say so
    const std::string below = path->substr(root->size() + 1);
    source.volume = below.substr(0, below.find('/'));
    auto descriptor = read_vmdk_descriptor(*path);
    if (!descriptor)
        return std::move(descriptor.error()).in("read " + *path);
    source.descriptor = std::move(*descriptor);
    auto pointer = pointer_paths(*path, job);
    source.pointer_path = std::move(pointer.descriptor);
    source.mapping_path = std::move(pointer.mapping);
    source.pointer_exists = exists(source.pointer_path);
    source.mapping_exists = exists(source.mapping_path);
    return source;
}

} // namespace xcopy
