// `ca init | issue | renew | list | export`, to be hung into a CLI11 program.
#pragma once

#include <CLI/CLI.hpp>

#include <memory>

namespace xcopy::ca {

class Command {
public:
    explicit Command(CLI::App& program); // adds the subcommand "ca"
    ~Command();
    Command(const Command&) = delete;
    Command& operator=(const Command&) = delete;

    bool given() const; // after parsing
    int run() const;    // the process's exit status; 1 for what was refused

private:
    struct Options;
    std::unique_ptr<Options> options_;
};

} // namespace xcopy::ca
