#include "tests/lab/tool/ps.hpp"

#include "tests/lab/tool/print.hpp"

#include <algorithm>
#include <cstdio>
#include <dirent.h>
#include <fstream>
#include <memory>
#include <sstream>
#include <unistd.h>

namespace lab {

namespace {

std::vector<std::string> numbers_in(const std::string& folder)
{
    std::vector<std::string> names;
    const std::unique_ptr<DIR, int (*)(DIR*)> open(::opendir(folder.c_str()), ::closedir);
    while (const auto* entry = open ? ::readdir(open.get()) : nullptr)
        if (std::all_of(entry->d_name, entry->d_name + std::char_traits<char>::length(entry->d_name),
                        [](char c) { return c >= '0' && c <= '9'; }))
            names.emplace_back(entry->d_name);
    return names;
}

// Empty where the process ended meanwhile: to read its file then is an error, which only operator<< keeps to itself.
std::string text_of(const std::string& path)
{
    std::ostringstream text;
    text << std::ifstream(path, std::ios::binary).rdbuf();
    return std::move(text).str();
}

std::string padded(std::string text, std::size_t width)
{
    text.resize(std::max(width, text.size()), ' ');
    return text + "  ";
}

std::string line(const std::string& wid, const std::string& cid, const std::string& name, const std::string& command)
{
    return padded(wid, 8) + padded(cid, 8) + padded(name, 20) + command + '\n';
}

} // namespace

int run_ps(const std::vector<std::string>& argv)
{
    const bool whole = argv.size() == 2 && argv[1] == "-c";
    if (argv.size() > 1 && !whole) {
        print(STDERR_FILENO, "ps: unrecognized option\n");
        return 1;
    }
    std::string out = line("WID", "CID", "WorldName", "Command");
    for (const auto& process : numbers_in("/proc")) {
        auto command = text_of("/proc/" + process + "/cmdline");
        if (command.empty()) // ended, or about to
            continue;
        const auto program = command.substr(0, command.find('\0'));
        command.pop_back();
        std::replace(command.begin(), command.end(), '\0', ' ');
        const auto name = program.substr(program.rfind('/') + 1);
        for (const auto& world : numbers_in("/proc/" + process + "/task"))
            out += line(world, process, name, whole ? command : name);
    }
    print(STDOUT_FILENO, out);
    return 0;
}

} // namespace lab
