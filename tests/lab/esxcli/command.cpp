#include "tests/lab/esxcli/command.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <variant>

namespace lab {

namespace {

std::vector<std::string> words_of(const std::string& path)
{
    std::vector<std::string> words;
    for (std::size_t begin = 0; begin <= path.size();) {
        const auto end = std::min(path.find(' ', begin), path.size());
        words.push_back(path.substr(begin, end - begin));
        begin = end + 1;
    }
    return words;
}

std::vector<Command> tree(bool localcli)
{
    std::vector<Command> all;
    const auto take = [&](std::vector<Command> some) {
        all.insert(all.end(), std::make_move_iterator(some.begin()), std::make_move_iterator(some.end()));
    };
    take(system_commands());
    take(device_commands());
    take(adapter_commands());
    take(path_commands());
    take(filesystem_commands());
    take(iscsi_commands());
    take(software_commands());
    take(network_commands());
    if (localcli)
        take(sched_commands());
    return all;
}

// "-d X", "-dX", "-d=X", "--device X", "--device=X"; flags take no value.
std::variant<Arguments, std::string> read_options(const Command& command, std::span<const std::string> words)
{
    Arguments arguments;
    for (std::size_t i = 0; i < words.size(); ++i) {
        const auto& word = words[i];
        const bool is_long = word.starts_with("--");
        if (!is_long && (word.size() < 2 || word[0] != '-'))
            return fmt::format("Error: Invalid option {}", word);
        const auto equals = is_long ? word.find('=') : std::string::npos;
        const auto name =
            is_long ? word.substr(2, equals == std::string::npos ? equals : equals - 2) : word.substr(1, 1);
        const auto spec = std::find_if(command.options.begin(), command.options.end(), [&](const OptionSpec& o) {
            return is_long ? o.longname == name : o.shortname == name;
        });
        if (spec == command.options.end())
            return fmt::format("Error: Invalid option {}", word);
        if (!spec->value)
            arguments.set(spec->longname, "true");
        else if (equals != std::string::npos)
            arguments.set(spec->longname, word.substr(equals + 1));
        else if (!is_long && word.size() > 2)
            arguments.set(spec->longname, word.substr(word[2] == '=' ? 3 : 2));
        else if (i + 1 < words.size())
            arguments.set(spec->longname, words[++i]);
        else
            return fmt::format("Error: Missing value for option {}", word);
    }
    for (const auto& spec : command.options)
        if (spec.required && !arguments.has(spec.longname))
            return fmt::format("Error: Missing required parameter -{}|--{}", spec.shortname, spec.longname);
    return arguments;
}

ToolResult refusal(HostState& host, const std::string& sentence)
{
    ToolResult result{1, "", ""};
    const std::lock_guard lock(host.mutex);
    (host.behaviour.errors_on_stderr ? result.err : result.out) = sentence + "\n";
    return result;
}

ToolResult unknown(HostState& host, std::span<const std::string> words)
{
    return refusal(host, fmt::format("Error: Unknown command or namespace {}", fmt::join(words, " ")));
}

} // namespace

ToolResult run_esxcli(HostState& host, std::span<const std::string> argv)
{
    static const auto esxcli = tree(false);
    static const auto localcli = tree(true);
    const bool local = argv[0].ends_with("localcli");

    auto rest = argv.subspan(1);
    auto format = Format::text;
    for (; !rest.empty() && rest[0].starts_with("--"); rest = rest.subspan(1)) {
        if (rest[0].starts_with("--plugin-dir"))
            continue;
        const auto wanted = rest[0].starts_with("--formatter=") ? format_named(rest[0].substr(12)) : std::nullopt;
        if (!wanted)
            return refusal(host, fmt::format("Error: Invalid option {}", rest[0]));
        format = *wanted;
    }
    std::size_t named = 0;
    while (named < rest.size() && !rest[named].starts_with("-"))
        ++named;

    for (const auto& command : local ? localcli : esxcli) {
        const auto path = words_of(command.path);
        if (!std::equal(path.begin(), path.end(), rest.begin(), rest.begin() + static_cast<std::ptrdiff_t>(named)))
            continue;
        const auto arguments = read_options(command, rest.subspan(named));
        if (const auto* sentence = std::get_if<std::string>(&arguments))
            return refusal(host, *sentence);
        const auto output = command.run(host, std::get<Arguments>(arguments));
        if (output.error)
            return refusal(host, *output.error);
        return {0, print(output, format), ""};
    }
    return unknown(host, rest.first(named));
}

} // namespace lab
