// The curl program as a client that shares nothing with the simulators.
#pragma once

#include <nlohmann/json.hpp>

#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <spawn.h>
#include <string>
#include <sys/wait.h>
#include <unistd.h>
#include <vector>

extern char** environ;

namespace lab {

struct CurlResult {
    int exit_status = -1; // curl's own: 0 when any HTTP answer came
    int status = 0;       // HTTP
    std::string head;     // of the answer
    std::string text;
    nlohmann::json body; // discarded when the text is not JSON

    std::string code() const
    {
        return body.is_object() && body.contains("error") ? body["error"].value("code", "") : "";
    }
};

inline std::string content_of(const std::filesystem::path& file)
{
    std::ifstream in(file, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
}

class Curl {
public:
    // The options of every call; credentials are in the file, not in arguments.
    Curl(std::filesystem::path directory, const std::string& config) : directory_(std::move(directory))
    {
        std::filesystem::create_directories(directory_);
        std::ofstream(directory_ / "curlrc") << config;
    }

    CurlResult operator()(const std::vector<std::string>& arguments) const
    {
        const auto head = directory_ / "head", text = directory_ / "text", status = directory_ / "status";
        for (const auto& file : {head, text, status})
            std::filesystem::remove(file);
        std::vector<std::string> all = {"curl", "-q", "-s", "-K", directory_ / "curlrc", "-D",
                                        head,   "-o", text, "-w", "%{http_code}"};
        all.insert(all.end(), arguments.begin(), arguments.end());
        std::vector<char*> argv;
        for (auto& argument : all)
            argv.push_back(argument.data());
        argv.push_back(nullptr);

        posix_spawn_file_actions_t actions;
        posix_spawn_file_actions_init(&actions);
        posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, status.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
        pid_t pid = -1;
        const int failed = posix_spawnp(&pid, "curl", &actions, nullptr, argv.data(), environ);
        posix_spawn_file_actions_destroy(&actions);
        CurlResult result;
        int wait_status = 0;
        if (failed || waitpid(pid, &wait_status, 0) != pid || !WIFEXITED(wait_status))
            return result;
        result.exit_status = WEXITSTATUS(wait_status);
        result.status = std::atoi(content_of(status).c_str());
        result.head = content_of(head);
        result.text = content_of(text);
        result.body = nlohmann::json::parse(result.text, nullptr, false);
        return result;
    }

private:
    std::filesystem::path directory_;
};

} // namespace lab
