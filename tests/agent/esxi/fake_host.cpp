#include "tests/agent/esxi/fake_host.hpp"

#include "agent/esxi/pointer_files.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <thread>

namespace fs = std::filesystem;

namespace xcopy::test {

bool eventually(const std::function<bool()>& is_true)
{
    const auto give_up = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (!is_true()) {
        if (std::chrono::steady_clock::now() > give_up)
            return false;
        std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
    return true;
}

void write_file(const std::string& path, const std::string& text)
{
    std::ofstream(path, std::ios::binary) << text;
}

std::string file_text(const std::string& path)
{
    std::ifstream in(path, std::ios::binary);
    std::ostringstream out;
    out << in.rdbuf();
    return out.str();
}

bool file_exists(const std::string& path)
{
    return fs::exists(fs::symlink_status(path));
}

FakeHost::FakeHost()
{
    std::string name = (fs::temp_directory_path() / "xcopy-esxi-XXXXXX").string();
    root_ = mkdtemp(name.data());
    for (const char* folder : {"jobs", "counters", "volumes/ds one/vm's"})
        fs::create_directories(path(folder));
    for (const char* tool : {"vmkfstools", "vsish", "esxcli", "localcli"})
        fs::create_symlink(XCOPY_FAKE_TOOL, path(tool));
    fs::create_symlink(XCOPY_FAKE_AGENT, agent());
    write_file(volumes() + "ds one/vm's/disk.vmdk",
               "# Disk DescriptorFile\ncreateType=\"vmfs\"\nRW 20480 VMFS \"disk-flat.vmdk\"\n");
}

FakeHost::~FakeHost()
{
    std::error_code ignored;
    fs::remove_all(root_, ignored);
}

ToolPaths FakeHost::tools() const
{
    return {.esxcli = path("esxcli"),
            .localcli = path("localcli"),
            .vsish = path("vsish"),
            .vmkfstools = path("vmkfstools")};
}

void FakeHost::script(const std::string& tool, const std::string& text) const
{
    write_file(path(tool) + ".script", text);
}

void FakeHost::script(const std::string& tool, int call, const std::string& text) const
{
    write_file(path(tool) + ".script." + std::to_string(call), text);
}

std::vector<std::string> FakeHost::calls(const std::string& tool) const
{
    std::ifstream in(path(tool) + ".log");
    std::vector<std::string> lines;
    for (std::string line; std::getline(in, line);)
        lines.push_back(line);
    return lines;
}

void FakeHost::set_counters(const std::string& device, const std::string& text, const std::string& folder) const
{
    fs::create_directories(path(folder));
    write_file(path(folder) + "/" + device, text);
}

JobOrder FakeHost::order(const std::string& id) const
{
    JobOrder order;
    order.id = id;
    order.request = {.source = "[ds one] vm's/disk.vmdk",
                     .target_naa = "naa.60000000000000000000000000000002",
                     .target_size = 10 * 1024 * 1024};
    order.source_path = volumes() + "ds one/vm's/disk.vmdk";
    order.source_device = "naa.60000000000000000000000000000001";
    order.source_size = 10 * 1024 * 1024;
    const auto pointers = pointer_paths(order.source_path, id);
    order.pointer_path = pointers.descriptor;
    order.mapping_path = pointers.mapping;
    order.ordered_ms = 1'000'000;
    order.boot_ms = 500'000;
    return order;
}

} // namespace xcopy::test
