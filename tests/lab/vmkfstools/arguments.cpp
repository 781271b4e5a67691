#include "tests/lab/vmkfstools/arguments.hpp"

namespace lab {

namespace {

struct Word {
    const char* shortname;
    const char* longname;
    char key;
};
constexpr Word takes_value[] = {{"-i", "--clonevirtualdisk", 'i'},
                                {"-d", "--diskformat", 'd'},
                                {"-v", "--verbose", 'v'},
                                {"-a", "--adaptertype", 'a'},
                                {"-W", "--objecttype", 'W'}};
constexpr Word flags[] = {{"-q", "--queryrdm", 'q'}, {"-U", "--deletevirtualdisk", 'U'}, {"-D", "--lock", 'D'}};

} // namespace

std::optional<VmkfstoolsArguments> read_vmkfstools(std::span<const std::string> argv)
{
    VmkfstoolsArguments arguments;
    for (std::size_t i = 1; i < argv.size(); ++i) {
        const auto& word = argv[i];
        bool known = false;
        for (const auto& option : takes_value) {
            if (word != option.shortname && word != option.longname)
                continue;
            if (++i == argv.size())
                return std::nullopt;
            known = true;
            if (option.key == 'i') {
                arguments.mode = 'i';
                arguments.source = argv[i];
            } else if (option.key == 'd') {
                arguments.disk_format = argv[i];
            }
            break;
        }
        for (const auto& option : flags)
            if (!known && (word == option.shortname || word == option.longname)) {
                arguments.mode = option.key;
                known = true;
            }
        if (known)
            continue;
        if (word.starts_with("-") || !arguments.file.empty())
            return std::nullopt;
        arguments.file = word;
    }
    if (arguments.mode == 0 || arguments.file.empty())
        return std::nullopt;
    return arguments;
}

std::optional<std::string> rdm_device(const std::string& format)
{
    for (const std::string prefix : {"rdm:/vmfs/devices/disks/", "rdm:/dev/disks/"})
        if (format.starts_with(prefix) && format.find('/', prefix.size()) == std::string::npos)
            return format.substr(prefix.size());
    return std::nullopt;
}

} // namespace lab
