// The agent's real supervisor for a host that lives in a directory: only the root of its datastores differs.
#include "agent/esxi/supervisor.hpp"

#include <cstdio>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

int main(int argc, char** argv)
{
    if (argc > 1 && std::string_view(argv[1]) == "version") { // the self test starts what supervisors are started from
        std::puts(XCOPY_VERSION);
        return 0;
    }
    xcopy::SupervisorConfig config;
    config.volumes_root = std::filesystem::path(argv[0]).parent_path().parent_path() / "volumes/";
    return argc > 2 ? xcopy::supervise_command({argv + 2, argv + argc}, config) : 2;
}
