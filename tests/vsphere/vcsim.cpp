#include "tests/vsphere/vcsim.hpp"

#include <array>
#include <csignal>
#include <fcntl.h>
#include <fstream>
#include <memory>
#include <stdexcept>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

namespace xcopy::test {

namespace fs = std::filesystem;
using nlohmann::json;

namespace {

std::string line_from(std::FILE* file)
{
    std::string line;
    for (int c = std::fgetc(file); c != EOF && c != '\n'; c = std::fgetc(file))
        line += static_cast<char>(c);
    return line;
}

// Built once (tests/tools/go-build); CTest has done so before any test runs.
std::string program()
{
    const std::unique_ptr<std::FILE, int (*)(std::FILE*)> out(::popen(XCOPY_GO_BUILD " " XCOPY_VCSIM_FOLDER, "re"),
                                                              ::pclose);
    auto path = out ? line_from(out.get()) : std::string();
    if (path.empty())
        throw std::runtime_error("vcsim cannot be built, see above");
    return path;
}

void put(const fs::path& file, const std::string& content)
{
    std::ofstream(file, std::ios::binary) << content;
}

} // namespace

Vcsim::Vcsim(const json& inventory) : identity_(ca_.issue("vcenter.example.com", "IP:127.0.0.1,DNS:localhost"))
{
    std::string folder = (fs::temp_directory_path() / "xcopy-vcsim-XXXXXX").string();
    if (::mkdtemp(folder.data()) == nullptr)
        throw std::runtime_error("no folder for vcsim");
    folder_ = folder;
    fs::create_directories(uploads());
    put(folder_ / "inventory.json", inventory.dump());
    put(folder_ / "password", password());

    std::vector<std::string> argv{program(),
                                  "-inventory=" + (folder_ / "inventory.json").string(),
                                  "-certificate=" + identity_.cert_file,
                                  "-key=" + identity_.key_file,
                                  "-user=" + user(),
                                  "-password-file=" + (folder_ / "password").string(),
                                  "-uploads=" + uploads().string()};
    std::vector<char*> pointers;
    pointers.reserve(argv.size() + 1);
    for (auto& argument : argv)
        pointers.push_back(argument.data());
    pointers.push_back(nullptr);
    std::string temporary = "TMPDIR=" + folder_.string(); // where the simulator keeps its datastores
    std::string home = "HOME=" + folder_.string();
    std::array<char*, 3> environment{temporary.data(), home.data(), nullptr};

    std::array<int, 2> in{};
    std::array<int, 2> out{};
    const int log = ::open((folder_ / "log").c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    if (log < 0 || ::pipe2(in.data(), O_CLOEXEC) != 0 || ::pipe2(out.data(), O_CLOEXEC) != 0)
        throw std::runtime_error("no pipes for vcsim");
    pid_ = ::fork();
    if (pid_ == 0) {
        ::prctl(PR_SET_PDEATHSIG, SIGKILL);
        ::dup2(in[0], 0);
        ::dup2(out[1], 1);
        ::dup2(log, 2);
        ::execve(pointers[0], pointers.data(), environment.data());
        ::_exit(126);
    }
    ::close(log);
    ::close(in[0]);
    ::close(out[1]);
    to_ = ::fdopen(in[1], "w");
    from_ = ::fdopen(out[0], "r");
    ready_ = json::parse(line_from(from_), nullptr, false);
    if (!ready_.is_object()) {
        std::ifstream said(folder_ / "log");
        throw std::runtime_error("vcsim did not start: " + std::string(std::istreambuf_iterator<char>(said), {}));
    }
}

Vcsim::~Vcsim()
{
    stop();
    std::error_code ignored;
    fs::remove_all(folder_, ignored);
}

void Vcsim::stop()
{
    if (pid_ < 0)
        return;
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
    pid_ = -1;
    (void)std::fclose(to_);
    (void)std::fclose(from_);
}

json Vcsim::order(const json& what)
{
    const auto line = what.dump() + "\n";
    if (std::fputs(line.c_str(), to_) < 0 || std::fflush(to_) != 0)
        throw std::runtime_error("vcsim is gone");
    auto answer = json::parse(line_from(from_), nullptr, false);
    if (!answer.is_object() || answer.contains("error"))
        throw std::runtime_error("vcsim refuses " + line + answer.dump());
    return answer;
}

std::vector<std::string> Vcsim::requests()
{
    return order({{"do", "requests"}}).at("requests").get<std::vector<std::string>>();
}

void Vcsim::trouble(const json& what)
{
    auto whole = what;
    whole["do"] = "trouble";
    order(whole);
}

json odd_site()
{
    constexpr std::uint64_t gib = std::uint64_t{1} << 30;
    const auto path = [](const char* adapter, const char* state, int lun = 0) {
        return json{{"adapter", adapter}, {"state", state}, {"lun", lun}};
    };
    const json adapters = {
        {{"name", "vmhba0"}, {"kind", "sata"}},
        {{"name", "vmhba1"}, {"kind", "sas"}},
        {{"name", "vmhba2"}, {"kind", "fc"}, {"wwnn", 0xdfffff6f0555aa0a}, {"wwpn", 0x10000090faaa55f6}},
        {{"name", "vmhba3"}, {"kind", "fcoe"}, {"wwnn", 0x20000090faaa55f7}, {"wwpn", 0x10000090faaa55f7}},
        {{"name", "vmhba4"}, {"kind", "nvme-fc"}, {"wwnn", 0x20000090faaa55f8}, {"wwpn", 0x10000090faaa55f8}},
        {{"name", "vmhba64"}, {"kind", "iscsi"}, {"iqn", "iqn.1998-01.com.vmware:esx1-0a1b"}},
        {{"name", "vmhba65"}, {"kind", "nvme-tcp"}},
        {{"name", "vmhba66"}, {"kind", "scini"}}};
    const json devices = {
        {{"name", "naa.600a0980383137724624512d6e6e4731"},
         {"uuid", "0200000000600a0980383137724624512d6e6e47314c554e20432d"},
         {"size", 1024 * gib},
         {"paths",
          {path("vmhba64", "active"), path("vmhba64", "active"), path("vmhba2", "dead"), path("vmhba3", "standby")}}},
        {{"name", "naa.600a0980383137724624512d6e6e4732"},
         {"uuid", "0200010000600a0980383137724624512d6e6e47324c554e20432d"},
         {"size", 1024 * gib},
         {"paths", {path("vmhba2", "active", 1)}}},
        {{"name", "naa.624a9370a7c9b1f2d3e4f50600011170"},
         {"uuid", "020007000060a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0466c6173684172"},
         {"size", 20 * gib},
         {"paths", {path("vmhba64", "active", 7)}}}};
    const auto disk = [&](const std::string& file, const char* kind, const json& more = json::object()) {
        json made{{"file", file}, {"kind", kind}, {"size", 10 * gib}, {"allocated", 3 * gib}};
        made.update(more);
        return made;
    };
    return {
        {"datacenter", "DC 0"},
        {"folder", "Europe"},
        {"hosts",
         {{{"name", "esx1.example.com"},
           {"uuid", "30000000-0000-0000-0000-000000000001"},
           {"addresses", {"10.0.0.11", "fd00::11"}},
           {"adapters", adapters},
           {"devices", devices},
           {"scini", "271BAE12-8C72-4B1F-9D6A-0D9A6A2F1E01"}},
          {{"name", "esx2.example.com"},
           {"uuid", "30000000-0000-0000-0000-000000000002"},
           {"addresses", {"10.0.0.12"}}},
          {{"name", "esx3.example.com"},
           {"uuid", "30000000-0000-0000-0000-000000000003"},
           {"addresses", {"10.0.0.13"}},
           {"state", "notResponding"}}}},
        {"datastores",
         {{{"name", "ds 1"},
           {"uuid", "5f6e1a2b-11111111-2222-00505601aa01"},
           {"type", "VMFS"},
           {"devices", {"naa.600a0980383137724624512d6e6e4731", "naa.600a0980383137724624512d6e6e4732"}}},
          {{"name", "nfs/ä 100%"}, {"uuid", "8d5f4ae2-6a5b1cd7"}, {"type", "NFS"}, {"hosts", {"esx1.example.com"}}},
          {{"name", "vvols"}, {"uuid", "vvol:1"}, {"type", "VVOL"}},
          {{"name", "vsanDatastore"}, {"uuid", "vsan:52"}, {"type", "vsan"}}}},
        {"vms",
         {{{"name", "web"},
           {"host", "esx1.example.com"},
           {"power", "poweredOff"},
           {"disks",
            {disk("[ds 1] web/web.vmdk", "flat"), disk("[ds 1] a/b/c d/web_1.vmdk", "flat", {{"size", 2048 * gib}}),
             disk("[ds 1] web/disk1-000002.vmdk", "sesparse",
                  {{"parents", {"[ds 1] web/disk1-000001.vmdk", "[ds 1] web/disk1.vmdk"}}})}}},
          {{"name", "raw"},
           {"host", "esx1.example.com"},
           {"power", "poweredOff"},
           {"disks",
            {disk("[ds 1] raw/p.vmdk", "rdm-physical",
                  {{"lun_uuid", "020007000060a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0466c6173684172"}, {"device", "vml.x"}}),
             disk("[ds 1] raw/v.vmdk", "rdm-virtual",
                  {{"lun_uuid", "not seen here"},
                   {"device", "vml.0200090000600a0980383137724624512d6e6e47334c554e20432d"}}),
             disk("[ds 1] raw/r.vmdk", "raw", {{"device", "vml.y"}})}}},
          {{"name", "modern"},
           {"host", "esx2.example.com"},
           {"power", "poweredOn"},
           {"disks",
            {disk("[vvols] rfc4122.1/modern.vmdk", "vvol", {{"backing_id", "rfc4122.6f1c-a"}}),
             disk("[vsanDatastore] 5b0c/modern.vmdk", "vsan", {{"backing_id", "5b0c-52"}}),
             disk("[ds 1] modern/warm-000001.vmdk", "flat", {{"parents", {"[ds 1] modern/warm.vmdk"}}})}}},
          {{"name", "a/b\\c 100% ü <&>"},
           {"folder", "team a/übung"},
           {"host", "esx2.example.com"},
           {"power", "suspended"},
           {"disks", {disk("[nfs/ä 100%] x & <y>/ü.vmdk", "flat")}}},
          {{"name", "twin"}, {"folder", "one"}, {"host", "esx1.example.com"}},
          {{"name", "twin"}, {"folder", "two"}, {"host", "esx1.example.com"}}}},
    };
}

} // namespace xcopy::test
