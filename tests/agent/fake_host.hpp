// A host in a directory, and the real agent running on it as a process.
//
//   bin/        esxcli, vsish, vmkfstools … (fake_host_tool), agent-supervisor (fake_supervisor)
//   devices/    what the host sees: a file per NAA, "size_mib status lun local boot"
//   mapped/     what the next rescan will bring
//   dev/        device nodes        volumes/uuid-1/   the datastore "ds1"      detached/   the detached list
//   datastore-type  of "ds1", or "unreadable"; none: VMFS-6
//   ps          what `ps -c` prints of others; ps-says: all that it prints
//   extents     "volume uuid naa"   calls, clones     what the tools were asked to do
#pragma once

#include "protocol/messages.hpp"
#include "tests/agent/certificates.hpp"

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <sys/types.h>
#include <vector>

namespace xcopy::test {

struct Answer {
    int curl_exit = 0;
    int status = 0;
    std::string body;
    std::string headers;
};

// The agent's program with these arguments; under the launcher that the environment names in XCOPY_AGENT_LAUNCHER, if any.
std::vector<std::string> agent_command(const std::vector<std::string>& arguments, const std::string& record = "");
[[noreturn]] void exec_agent(const std::vector<std::string>& arguments, const std::string& record = "");

class FakeHost {
public:
    FakeHost();
    ~FakeHost();
    FakeHost(const FakeHost&) = delete;
    FakeHost& operator=(const FakeHost&) = delete;

    void map(const std::string& naa, int size_mib, int lun = 3) const; // seen after the next rescan
    void put_disk(const std::string& below_ds1, int size_mib) const;   // a flat VMDK's descriptor
    void write(const std::string& file, const std::string& text) const;
    std::string read(const std::string& file) const;
    int count(const std::string& file, const std::string& text) const; // lines of it that have the text

    std::filesystem::path write_config(const std::string& more_config = "") const; // start does it as well
    void start(const std::string& more_config = "");                               // ",\"max_running\":1"
    void kill_agent();                                                             // SIGKILL
    int stop_agent();                                                              // SIGTERM; its exit status
    int start_and_fail(const std::string& more_config = ""); // a start that is expected to be refused

    Answer call(const std::string& method, const std::string& path, const std::string& body = "",
                const std::string& client = "operator", const std::vector<std::string>& more = {}) const;
    CloneStatus clone(const std::string& id) const;
    CloneStatus wait_for(const std::string& id, const std::function<bool(const CloneStatus&)>& good) const;

    std::filesystem::path folder;
    std::unique_ptr<CertificateAuthority> authority;
    std::string port;
    std::string state_dir; // of the agent; empty: below folder

private:
    void launch(const std::string& more_config);
    pid_t agent_ = 0;
};

// Waits for a condition; false when it did not come true within a generous time.
bool eventually(const std::function<bool()>& condition);

std::string attach_body(const std::string& job, int size_mib, const std::string& more = "");
std::string clone_body(const std::string& source, const std::string& naa, int size_mib, const std::string& more = "");

} // namespace xcopy::test
