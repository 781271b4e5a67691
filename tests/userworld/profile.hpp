// What a program may not count on when it runs on the VMkernel: the table behind the launcher, its tests and the page
// docs/userworld.md.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace xcopy::userworld {

// Whether the agent ever asks for such a call. Where libc or OpenSSL does, it has another way when it is refused.
enum class Asked { never, by_libc };

struct Refused {
    std::vector<std::string_view> calls; // names as in the kernel's table
    Asked asked;
    std::string_view why;
    std::string_view source;
};

const std::vector<Refused>& refused_calls(); // each fails with ENOSYS

constexpr std::size_t stack_bytes = 512 * 1024;                // `ulimit -s 512` of services.sh on 6.7
constexpr std::size_t address_space_bytes = 256 * 1024 * 1024; // less than the least memory group we would ask for

// As the launcher writes it down, and as lists of the tests name it: FIONBIO on a socket of AF_UNIX, which is ENOTTY.
constexpr std::string_view local_socket_fionbio = "ioctl(FIONBIO,AF_UNIX)";

std::string as_markdown(); // the table of docs/userworld.md

// One line a refusal: "refused CALL of PROGRAM".
std::string record_line(std::string_view call, std::string_view program);

// The calls in a record that `program` (a path's last part) must never have asked for, each once.
std::vector<std::string> never_to_be_asked(std::string_view record, std::string_view program);

// Whether the record shows the program at all. It does: a static program of glibc 2.36 asks for rseq before main().
bool shows(std::string_view record, std::string_view program);

} // namespace xcopy::userworld
