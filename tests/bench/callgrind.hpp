// A server under callgrind: how many instructions it executed in all.
#pragma once

#include "tests/bench/tls_client.hpp"
#include "tests/end_to_end/process.hpp"

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

namespace bench {

// A scratch directory with a CA and certificates for a server on 127.0.0.1 and an operator; gone at the end.
class Scratch {
public:
    Scratch();
    ~Scratch();
    Scratch(const Scratch&) = delete;
    Scratch& operator=(const Scratch&) = delete;

    std::filesystem::path directory;
    TlsIdentity server;
    TlsIdentity client;
};

std::uint16_t free_port();

// Runs argv under callgrind, lets `work` use it, ends it with SIGTERM and reads the count.
double instructions(const Scratch&, const std::vector<std::string>& argv, const std::function<void()>& work);

// What one more unit of work costs: the count with `many` less the count with `few`, so that start-up cancels.
double instructions_each(const Scratch&, const std::vector<std::string>& argv,
                         const std::function<void(int count)>& work, int few, int many);

// The agent outside any host, on that port: enough to talk TLS and HTTP with. Writes its configuration.
std::vector<std::string> agent_alone(const Scratch&, const std::filesystem::path& agent, std::uint16_t port);

} // namespace bench
