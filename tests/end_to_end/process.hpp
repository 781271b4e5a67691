// A program started by a test: its pid is known before it runs, its output is kept, it is never left behind.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace e2e {

struct Ran {
    int exit = -1; // absent (-1) when a signal ended it
    int signal = 0;
    std::string out;
    std::string err;
    long peak_rss_kb = 0;
};

class Process {
public:
    // Forks at once, but executes argv only after go(): rules that name its pid can be made in between.
    Process(std::vector<std::string> argv, std::map<std::string, std::string> environment,
            const std::filesystem::path& output_directory);
    ~Process(); // SIGKILL, and reaped
    Process(const Process&) = delete;
    Process& operator=(const Process&) = delete;

    int pid() const { return pid_; }
    void go();
    void signal(int number) const;
    std::string errors_so_far() const; // what it wrote to stderr
    bool has_ended() const;            // without waiting for it
    void wait_until_ended() const;
    Ran wait(); // to its end

private:
    int pid_ = -1;
    int gate_ = -1;
    std::filesystem::path out_;
    std::filesystem::path err_;
};

Ran run(std::vector<std::string> argv, std::map<std::string, std::string> environment,
        const std::filesystem::path& output_directory);

} // namespace e2e
