// xcopy-lab-tool: what a simulated host has as /bin/esxcli, localcli, vsish, vim-cmd, vmkfstools and ps, and as process 1.
// The tools ask the lab over the host's socket and print what it answers; they know nothing themselves.
#include "tests/lab/tool/copy.hpp"
#include "tests/lab/tool/init.hpp"
#include "tests/lab/tool/print.hpp"
#include "tests/lab/tool/ps.hpp"

#include <nlohmann/json.hpp>

#include <cstdlib>
#include <filesystem>

namespace {

using nlohmann::json;

int ask(const std::vector<std::string>& argv)
{
    const auto tool = std::filesystem::path(argv[0]).filename().string();
    lab::LineChannel channel(lab::connect_to("/lab/host.sock"));
    std::error_code none;
    channel.send(json{{"tool", tool}, {"argv", argv}, {"cwd", std::filesystem::current_path(none).string()}}.dump());
    auto line = channel.receive();
    if (line) {
        if (const auto answer = json::parse(*line); answer.contains("clone"))
            line = lab::run_copy(answer.at("clone"), channel);
    }
    if (!line)
        return 255;
    const auto answer = json::parse(*line);
    lab::print(STDOUT_FILENO, answer.value("stdout", ""));
    lab::print(STDERR_FILENO, answer.value("stderr", ""));
    return answer.value("exit", 255);
}

} // namespace

int main(int argc, char** argv)
{
    const std::vector<std::string> words(argv, argv + argc);
    try {
        if (words.size() == 3 && words[1] == "init")
            return lab::run_init(std::atoi(words[2].c_str()));
        if (std::filesystem::path(words[0]).filename() == "ps")
            return lab::run_ps(words);
        return ask(words);
    } catch (const std::exception& problem) {
        lab::print(STDERR_FILENO,
                   std::string("Connect to localhost failed: Connection failure. (") + problem.what() + ")\n");
        return 1;
    }
}
