// A folder with tools, counters, a datastore and jobs, and helpers to wait for what happens in it.
#pragma once

#include "agent/esxi/job_dir.hpp"
#include "agent/esxi/tools.hpp"

#include <chrono>
#include <functional>
#include <string>
#include <vector>

namespace xcopy::test {

// Looks again and again until it is true; false when that takes longer than any test should.
bool eventually(const std::function<bool()>& is_true);

void write_file(const std::string& path, const std::string& text);
std::string file_text(const std::string& path);
bool file_exists(const std::string& path);

class FakeHost {
public:
    FakeHost();
    ~FakeHost();
    FakeHost(const FakeHost&) = delete;
    FakeHost& operator=(const FakeHost&) = delete;

    std::string path(const std::string& name) const { return root_ + "/" + name; }
    ToolPaths tools() const;
    std::string agent() const { return path("xcopy-agent"); }
    std::string volumes() const { return root_ + "/volumes/"; }

    // What a tool does at each call, or at its n-th.
    void script(const std::string& tool, const std::string& text) const;
    void script(const std::string& tool, int call, const std::string& text) const;
    std::vector<std::string> calls(const std::string& tool) const; // "PID ARGS…"
    void set_counters(const std::string& device, const std::string& text, const std::string& folder = "counters") const;

    JobOrder order(const std::string& id) const; // clones "ds one/vm's/disk.vmdk" to naa.6…02
    JobDir job(const std::string& id) const { return JobDir(path("jobs/" + id)); }

private:
    std::string root_;
};

} // namespace xcopy::test
