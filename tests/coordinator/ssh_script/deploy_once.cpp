// A pod that does nothing but bring the script to its host: `deploy_once ORDER.json`. Exit 0: it is there.
#include "tests/coordinator/ssh_script/deploy_order.hpp"

#include <cstdio>
#include <fstream>

int main(int count, char** words)
{
    if (count != 2)
        return 2;
    std::ifstream file(words[1]);
    const auto log = xcopy::stderr_log(xcopy::Log::Level::debug);
    const auto done = xcopy::ssh_script::deploy({.job = "pod"}, nlohmann::json::parse(file), *log);
    if (!done)
        (void)std::fprintf(stderr, "%s\n", done.error().message.c_str());
    return done ? 0 : 1;
}
