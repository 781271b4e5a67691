// Every measurement: a function in a file of its name. Each throws std::runtime_error when it could not measure.
#pragma once

#include "tests/bench/figures.hpp"
#include "tests/end_to_end/site.hpp"

#include <filesystem>
#include <vector>

namespace bench {

// What is measured: the programs of one build directory.
struct Build {
    explicit Build(const std::filesystem::path& directory);

    e2e::Programs programs;
    std::filesystem::path image; // the archive that ./dev makes
};

std::vector<Figure> agent_binary(const Build&);
std::vector<Figure> agent_memory(const Build&);
std::vector<Figure> handshake(const Build&);
std::vector<Figure> status_request(const Build&);
std::vector<Figure> order_to_spawn(const Build&);
std::vector<Figure> news_age(const Build&);
std::vector<Figure> one_disk(const Build&);
std::vector<Figure> twenty_disks(const Build&);
std::vector<Figure> rescans_for_twenty_disks(const Build&);
std::vector<Figure> in_cluster(const Build&);
std::vector<Figure> vcenter_requests(const Build&);
std::vector<Figure> dropin(const Build&);
std::vector<Figure> image(const Build&);
std::vector<Figure> ssh_disks(const Build&);

} // namespace bench
