// `supervise` as the agent does it, with short times, and datastores in the folder `volumes` beside the program.
#include "agent/esxi/supervisor.hpp"

#include <filesystem>
#include <string>
#include <vector>

int main(int argc, char** argv)
{
    const std::vector<std::string> arguments(argv + 2, argv + argc);
    xcopy::SupervisorConfig config;
    config.tick = std::chrono::milliseconds(5);
    config.kill_grace = std::chrono::milliseconds(100);
    config.retry_every = std::chrono::milliseconds(20);
    config.retry_for = std::chrono::seconds(20);
    config.volumes_root = std::filesystem::path(argv[0]).parent_path().string() + "/volumes/";
    return xcopy::supervise_command(arguments, config);
}
