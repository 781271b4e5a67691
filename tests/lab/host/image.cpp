#include "tests/lab/host/image.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <pugixml.hpp>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <sys/stat.h>

namespace lab {

namespace fs = std::filesystem;

namespace {

constexpr unsigned sticky = 01000;

std::string contents(const fs::path& path)
{
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
}

unsigned mode_of(const fs::path& path)
{
    struct stat seen {};
    return ::lstat(path.c_str(), &seen) == 0 ? seen.st_mode & 07777 : 0;
}

} // namespace

HostImage::HostImage(fs::path root, std::string listen) : root_(std::move(root)), listen_(std::move(listen)) {}

// The lab's hosts share one network: a configuration that names no address gets the host's own.
std::string HostImage::original(const VibFile& file) const
{
    if (!file.path.ends_with("/config.json"))
        return file.content;
    auto config = nlohmann::json::parse(file.content, nullptr, false);
    if (config.is_object() && !config.contains("listen"))
        config["listen"] = listen_;
    return config.dump(4) + "\n";
}

void HostImage::write(const VibFile& file, const std::string& content)
{
    const auto path = inside(file.path);
    if (file.folder) {
        fs::create_directories(path);
        return;
    }
    fs::create_directories(path.parent_path());
    fs::remove(path);
    std::ofstream(path, std::ios::binary) << content;
    ::chmod(path.c_str(), file.mode);
}

void HostImage::mount(const Vib& vib)
{
    unmount(vib.name, true);
    installed_[vib.name] = vib;
    for (const auto& file : vib.files) {
        const auto kept = saved_.find(file.path);
        write(file, kept == saved_.end() ? original(file) : kept->second);
    }
}

void HostImage::unmount(const std::string& name, bool keep_edited)
{
    const auto found = installed_.find(name);
    if (found == installed_.end())
        return;
    auto files = found->second.files;
    std::reverse(files.begin(), files.end()); // folders after what lies in them
    for (const auto& file : files) {
        const auto path = inside(file.path);
        std::error_code ignored;
        if (keep_edited && !file.folder && (file.mode & sticky) && contents(path) != original(file))
            saved_[file.path] = contents(path);
        else if (!keep_edited)
            saved_.erase(file.path);
        if (!file.folder || fs::is_empty(path, ignored))
            fs::remove(path, ignored);
    }
    installed_.erase(found);
}

bool HostImage::comes_from_vib(const std::string& path) const
{
    for (const auto& [name, vib] : installed_)
        for (const auto& file : vib.files)
            if ("/" + file.path == path)
                return true;
    return false;
}

// A file that was replaced by another is no longer the one that has the sticky bit, and is not saved.
void HostImage::back_up()
{
    for (const auto& [name, vib] : installed_)
        for (const auto& file : vib.files)
            if (!file.folder && (file.mode & sticky) && (mode_of(inside(file.path)) & sticky))
                if (auto now = contents(inside(file.path)); now != original(file))
                    saved_[file.path] = std::move(now);
}

void HostImage::boot()
{
    for (const auto& [name, vib] : installed_)
        for (const auto& file : vib.files) {
            const auto kept = saved_.find(file.path);
            write(file, kept == saved_.end() ? original(file) : kept->second);
        }
    refresh_firewall();
}

void HostImage::refresh_firewall()
{
    std::map<std::string, Ruleset> now;
    std::error_code none;
    for (const auto& entry : fs::directory_iterator(root_ / "etc/vmware/firewall", none)) {
        pugi::xml_document document;
        if (!document.load_file(entry.path().c_str()))
            continue;
        for (const auto& service : document.child("ConfigRoot").children("service")) {
            const std::string id = service.child("id").text().as_string();
            Ruleset set = firewall_.contains(id) ? firewall_.at(id) : Ruleset{};
            if (!firewall_.contains(id))
                set.enabled = service.child("enabled").text().as_bool();
            set.rules.clear();
            for (const auto& rule : service.children("rule"))
                set.rules.push_back(fmt::format("{} {} {} {}", rule.child("direction").text().as_string(),
                                                rule.child("protocol").text().as_string(),
                                                rule.child("porttype").text().as_string(),
                                                rule.child("port").text().as_string()));
            now[id] = set;
        }
    }
    firewall_ = std::move(now);
}

} // namespace lab
