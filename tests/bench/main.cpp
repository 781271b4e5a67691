// xcopy-bench: every figure against its budget.
#include "tests/bench/measurements.hpp"

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <cstdio>
#include <fstream>

namespace bench {

Build::Build(const std::filesystem::path& directory)
{
    const auto root = std::filesystem::absolute(directory);
    programs = {.agent = root / "agent/xcopy-agent",
                .coordinator = root / "coordinator/xcopy-coordinator",
                .lab = root / "tests/lab/xcopy-lab"};
    image = root.parent_path() / "image/xcopy-coordinator.oci.tar";
}

namespace {

struct Measurement {
    const char* name;
    std::vector<Figure> (*measure)(const Build&);
};

constexpr Measurement measurements[] = {
    {"agent_binary", agent_binary},
    {"agent_memory", agent_memory},
    {"handshake", handshake},
    {"status_request", status_request},
    {"order_to_spawn", order_to_spawn},
    {"news_age", news_age},
    {"one_disk", one_disk},
    {"twenty_disks", twenty_disks},
    {"rescans", rescans_for_twenty_disks},
    {"in_cluster", in_cluster},
    {"vcenter", vcenter_requests},
    {"dropin", dropin},
    {"image", image},
    {"ssh", ssh_disks},
};

int run(const std::filesystem::path& build, const std::filesystem::path& report, const std::string& only)
{
    std::vector<Figure> figures;
    for (const auto& [name, measure] : measurements) {
        if (!only.empty() && only != name)
            continue;
        fmt::print(stderr, "measuring {}\n", name);
        for (auto& figure : measure(Build(build)))
            figures.push_back(std::move(figure));
    }
    if (figures.empty()) {
        fmt::print(stderr, "xcopy-bench: nothing is called '{}'\n", only);
        return 2;
    }
    fmt::print("{}", table(figures));
    fmt::print("For comparison: today's Go populator takes 15050 ms per disk and 120100 ms for the last of twenty.\n");
    std::filesystem::create_directories(report.parent_path());
    std::ofstream(report) << bench::report(figures);
    for (const auto& figure : figures)
        if (!figure.met())
            return 1;
    return 0;
}

} // namespace

} // namespace bench

int main(int argc, char** argv)
{
    CLI::App app{"Measures the programs of a build against their budgets"};
    std::string build = "build/release";
    std::string report = "build/bench/report.json";
    std::string only;
    app.add_option("--build", build, "directory of the build to measure");
    app.add_option("--report", report, "where the figures go as JSON");
    app.add_option("--only", only, "one measurement instead of all");
    CLI11_PARSE(app, argc, argv);
    try {
        return bench::run(build, report, only);
    } catch (const std::exception& problem) {
        fmt::print(stderr, "xcopy-bench: {}\n", problem.what());
        return 3;
    }
}
