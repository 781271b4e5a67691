// A TLS 1.3 handshake with client certificate: the agent's instructions against those of `openssl s_server`.
#include "tests/bench/callgrind.hpp"
#include "tests/bench/measurements.hpp"

#include <fmt/format.h>

namespace bench {

namespace {

constexpr int few = 5;
constexpr int many = 45;

} // namespace

std::vector<Figure> handshake(const Build& build)
{
    const Scratch scratch;
    const auto port = free_port();
    const auto handshakes = [&](int count) {
        for (int i = 0; i < count; ++i) {
            TlsClient client(scratch.client);
            client.connect(port);
            client.close();
        }
    };
    const double ours =
        instructions_each(scratch, agent_alone(scratch, build.programs.agent, port), handshakes, few, many);
    const std::vector<std::string> openssl{"/usr/bin/openssl",
                                           "s_server",
                                           "-tls1_3",
                                           "-quiet",
                                           "-www",
                                           "-accept",
                                           std::to_string(port),
                                           "-cert",
                                           scratch.server.certificate.string(),
                                           "-key",
                                           scratch.server.key.string(),
                                           "-CAfile",
                                           scratch.server.ca.string(),
                                           "-Verify",
                                           "1",
                                           "-verify_return_error"};
    const double theirs = instructions_each(scratch, openssl, handshakes, few, many);
    return {{"handshake_ratio", ours / theirs, "", 1.05,
             fmt::format("{:.0f} instructions, openssl s_server {:.0f}", ours, theirs)}};
}

} // namespace bench
