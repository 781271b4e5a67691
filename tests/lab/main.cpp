// xcopy-lab: simulated ESXi hosts and arrays, for the demo and for tests. Nothing here is, or speaks for, a real array
// or host.
//
//   xcopy-lab serve --dir DIR [--config scenario.json] [--agent FILE [--launcher FILE]] [--tool FILE]
//                   [--until-stdin-closes]
//   xcopy-lab ctl --dir DIR '{"do": "…"}'
//   xcopy-lab kinds
#include "tests/lab/control.hpp"
#include "tests/lab/line_server.hpp"
#include "tests/lab/world.hpp"

#include <nlohmann/json.hpp>

#include <csignal>
#include <cstdio>
#include <fstream>
#include <iostream>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <unistd.h>

namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr const char* usage =
    "usage: xcopy-lab serve --dir DIR [--config FILE] [--agent FILE [--launcher FILE]] [--tool FILE]\n"
    "                       [--until-stdin-closes]\n"
    "       xcopy-lab ctl --dir DIR JSON\n"
    "       xcopy-lab kinds: the kinds of arrays it simulates\n";

struct Words {
    fs::path directory;
    fs::path config;
    fs::path agent;
    fs::path launcher;
    fs::path tool;
    bool until_stdin_closes = false;
    std::string order;
};

std::optional<Words> read_words(int argc, char** argv)
{
    Words words;
    for (int i = 2; i < argc; ++i) {
        const std::string word = argv[i];
        fs::path* value = word == "--dir"        ? &words.directory
                          : word == "--config"   ? &words.config
                          : word == "--agent"    ? &words.agent
                          : word == "--launcher" ? &words.launcher
                          : word == "--tool"     ? &words.tool
                                                 : nullptr;
        if (value != nullptr && i + 1 < argc)
            *value = argv[++i];
        else if (word == "--until-stdin-closes")
            words.until_stdin_closes = true;
        else if (!word.starts_with("-") && words.order.empty())
            words.order = word;
        else
            return std::nullopt;
    }
    if (words.directory.empty())
        return std::nullopt;
    return words;
}

// Ends with SIGTERM or SIGINT, with the lab's parent when it is asked to, and with the reader of stdin's other end.
void wait_for_the_end(int signals, bool until_stdin_closes)
{
    pollfd waiting[2] = {{signals, POLLIN, 0}, {until_stdin_closes ? STDIN_FILENO : -1, POLLIN, 0}};
    for (;;) {
        if (::poll(waiting, 2, -1) < 0)
            continue;
        char byte = 0;
        if (waiting[0].revents != 0 || (waiting[1].revents != 0 && ::read(STDIN_FILENO, &byte, 1) <= 0))
            return;
    }
}

int serve(const Words& words)
{
    sigset_t ends;
    sigemptyset(&ends);
    sigaddset(&ends, SIGTERM);
    sigaddset(&ends, SIGINT);
    sigaddset(&ends, SIGHUP);
    ::pthread_sigmask(SIG_BLOCK, &ends, nullptr);
    std::signal(SIGPIPE, SIG_IGN);
    const lab::Fd signals(::signalfd(-1, &ends, SFD_CLOEXEC));

    fs::create_directories(words.directory);
    lab::WorldOptions options;
    options.directory = fs::canonical(words.directory);
    options.tool = words.tool.empty() ? fs::read_symlink("/proc/self/exe").parent_path() / "xcopy-lab-tool"
                                      : fs::canonical(words.tool);
    if (!words.agent.empty())
        options.agent = fs::canonical(words.agent);
    if (!words.launcher.empty())
        options.launcher = fs::canonical(words.launcher);
    if (!words.config.empty()) {
        std::ifstream file(words.config);
        options.scenario = json::parse(file);
    }
    lab::World world(options);
    const auto answer = [&](lab::LineChannel& channel) {
        while (const auto line = channel.receive()) {
            const auto order = json::parse(*line, nullptr, false);
            channel.send(lab::obey(world, order).dump(-1, ' ', false, json::error_handler_t::replace));
        }
    };
    {
        const lab::LineServer control(options.directory / "control.sock", answer);
        const auto ready = world.ready().dump();
        std::ofstream(options.directory / "ready.json.new") << ready << '\n';
        fs::rename(options.directory / "ready.json.new", options.directory / "ready.json");
        std::cout << ready << std::endl;
        wait_for_the_end(signals.get(), words.until_stdin_closes);
        world.stop_holding();
    }
    return 0;
}

int ctl(const Words& words)
{
    lab::LineChannel channel(lab::connect_to(words.directory / "control.sock"));
    channel.send(json::parse(words.order).dump());
    const auto answer = channel.receive();
    if (!answer)
        throw std::runtime_error("the lab closed the connection");
    const auto parsed = json::parse(*answer);
    std::cout << parsed.dump(2) << '\n';
    return parsed.value("ok", false) ? 0 : 1;
}

} // namespace

int main(int argc, char** argv)
{
    const std::string verb = argc > 1 ? argv[1] : "";
    if (verb == "kinds") {
        for (const auto& kind : lab::kinds_of_arrays())
            std::printf("%s\n", kind.c_str());
        return 0;
    }
    const auto words = read_words(argc, argv);
    if (!words || (verb != "serve" && verb != "ctl") || (verb == "ctl") == words->order.empty()) {
        std::fputs(usage, stderr);
        return 2;
    }
    try {
        return verb == "serve" ? serve(*words) : ctl(*words);
    } catch (const std::exception& problem) {
        std::fprintf(stderr, "xcopy-lab: %s\n", problem.what());
        return 1;
    }
}
