// esxcli, localcli, vsish and vmkfstools of a host that lives in a directory: the parent of the one this program is
// started from. What it holds is described in fake_host.hpp.
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <map>
#include <sstream>
#include <string>
#include <thread>
#include <unistd.h>
#include <vector>

namespace fs = std::filesystem;
using Words = std::vector<std::string>;
using Record = std::map<std::string, std::string>;

namespace {

fs::path root;

std::string text_of(const fs::path& file)
{
    std::ifstream in(file);
    return {std::istreambuf_iterator<char>(in), {}};
}

void append(const fs::path& file, const std::string& line)
{
    const int out = ::open(file.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
    const std::string whole = line + "\n";
    if (out < 0 || ::write(out, whole.data(), whole.size()) < 0)
        std::abort();
    ::close(out);
}

std::string value_in(const std::string& name)
{
    const bool number = !name.empty() && name.find_first_not_of("0123456789") == std::string::npos;
    if (name == "true" || name == "false")
        return "<boolean>" + name + "</boolean>";
    return number ? "<integer>" + name + "</integer>" : "<string>" + name + "</string>";
}

std::string structure(const Record& record)
{
    std::string out = "<structure typeName=\"T\">";
    for (const auto& [name, value] : record)
        out += "<field name=\"" + name + "\">" + value_in(value) + "</field>";
    return out + "</structure>";
}

void print(const std::string& inside)
{
    std::cout << "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<output "
                 "xmlns=\"http://www.vmware.com/Products/ESX/5.0/esxcli\"><root>"
              << inside << "</root></output>\n";
}

void print_list(const std::vector<Record>& records)
{
    std::string out = "<list type=\"structure\">";
    for (const auto& record : records)
        out += structure(record);
    print(out + "</list>");
}

// "size_mib status lun local boot"
struct Device {
    std::string size, status, lun, local, boot;
};

Device device(const fs::path& file)
{
    Device d;
    std::istringstream(text_of(file)) >> d.size >> d.status >> d.lun >> d.local >> d.boot;
    if (fs::exists(root / "detached" / file.filename()))
        d.status = "off";
    return d;
}

Record device_record(const fs::path& file)
{
    const auto d = device(file);
    return {{"Device", file.filename()},
            {"Size", d.size},
            {"Status", d.status},
            {"Vendor", "NETAPP"},
            {"Model", "LUN C-Mode"},
            {"IsLocal", d.local},
            {"IsBootDevice", d.boot},
            {"DeviceType", "Direct-Access"},
            {"DevfsPath", "/vmfs/devices/disks/" + file.filename().string()}};
}

std::vector<Record> each_device(Record (*record)(const fs::path&), const std::string& only)
{
    std::vector<Record> records;
    for (const auto& entry : fs::directory_iterator(root / "devices"))
        if (only.empty() || entry.path().filename() == only)
            records.push_back(record(entry.path()));
    return records;
}

Record path_record(const fs::path& file)
{
    const auto d = device(file);
    return {{"Device", file.filename()},
            {"RuntimeName", "vmhba64:C0:T0:L" + d.lun},
            {"Adapter", "vmhba64"},
            {"LUN", d.lun},
            {"State", "active"},
            {"Transport", "iscsi"},
            {"UID", "u"}};
}

Record vaai_record(const fs::path& file)
{
    return {{"Device", file.filename()}, {"VAAIPluginName", "VMW_VAAIP_NETAPP"},
            {"ATSStatus", "supported"},  {"CloneStatus", "supported"},
            {"ZeroStatus", "supported"}, {"DeleteStatus", "supported"}};
}

void rescan()
{
    for (const auto& entry : fs::directory_iterator(root / "mapped")) {
        std::error_code raced; // two tools may find the same volume
        fs::copy_file(entry.path(), root / "dev" / entry.path().filename(), fs::copy_options::overwrite_existing,
                      raced);
        fs::rename(entry.path(), root / "devices" / entry.path().filename(), raced);
    }
}

int fail(const std::string& text)
{
    std::cout << text << "\n";
    return 1;
}

int esxcli(Words words)
{
    std::erase(words, "--formatter=xml");
    std::string line;
    for (const auto& word : words)
        line += (line.empty() ? "" : " ") + word;
    append(root / "calls", "esxcli " + line);
    const std::string last = words.empty() ? "" : words.back();
    const auto is = [&](const char* start) { return line.starts_with(start); };
    if (fs::exists(root / "hostd-down"))
        return fail("Connect to localhost failed: Connection failure.");
    if (fs::exists(root / "esxcli-garbles")) {
        std::cout << "<?xml version=\"1.0\"?><output><root><list";
        return 0;
    }
    if (words.size() > 2 && words[1] == "sched") // localcli --plugin-dir=… sched group list --group-path=…
        return text_of(root / "groups") == last.substr(last.find('=') + 1) ? 0 : fail("no such group");
    if (is("system version"))
        print(structure({{"Product", "VMware ESXi"}, {"Version", "8.0.2"}, {"Build", "Releasebuild-1"}}));
    else if (is("system uuid"))
        print("<string>5f3a0000-1111-2222-3333-444455556666</string>");
    else if (is("system hostname"))
        print(structure({{"HostName", "esx1"}, {"DomainName", "lab"}, {"FullyQualifiedDomainName", "esx1.lab"}}));
    else if (is("network ip interface ipv4"))
        print_list({{{"Name", "vmk0"}, {"IPv4Address", "192.0.2.7"}, {"AddressType", "STATIC"}}});
    else if (is("network ip interface ipv6"))
        print_list({{{"Interface", "vmk0"}, {"Address", "fe80::1"}, {"Netmask", "64"}},
                    {{"Interface", "vmk0"}, {"Address", "2001:db8::7"}, {"Netmask", "64"}}});
    else if (is("system settings advanced")) {
        const auto file = root / "options" / fs::path(last).filename();
        const auto value = fs::exists(file) ? text_of(file) : std::string("1");
        print_list({{{"Path", last}, {"Type", "integer"}, {"IntValue", value}, {"DefaultIntValue", value}}});
    } else if (is("storage core adapter list"))
        print_list({{{"HBAName", "vmhba0"}, {"UID", "sata.vmhba0"}, {"LinkState", "link-n/a"}, {"Driver", "ahci"}},
                    {{"HBAName", "vmhba64"},
                     {"UID", "iqn.1998-01.com.vmware:esx1"},
                     {"LinkState", "online"},
                     {"Driver", "iscsi_vmk"}}});
    else if (is("storage core adapter rescan"))
        rescan();
    else if (is("storage core device vaai"))
        print_list(each_device(vaai_record, is("storage core device vaai status get -d") ? last : ""));
    else if (is("storage core device detached list")) {
        std::vector<Record> records;
        for (const auto& entry : fs::directory_iterator(root / "detached"))
            records.push_back({{"DeviceUID", entry.path().filename()}, {"State", "off"}});
        print_list(records);
    } else if (is("storage core device detached remove"))
        fs::remove(root / "detached" / last);
    else if (is("storage core device set --state=off"))
        append(root / "detached" / last, "off");
    else if (is("storage core device set --state=on"))
        fs::remove(root / "detached" / last);
    else if (is("storage core device list -d")) {
        if (!fs::exists(root / "devices" / last))
            return fail("Unable to find device with name " + last);
        print_list(each_device(device_record, last));
    } else if (is("storage core device list"))
        print_list(each_device(device_record, ""));
    else if (is("storage core path list"))
        print_list(each_device(path_record, is("storage core path list -d") ? last : ""));
    else if (is("storage vmfs extent")) {
        std::vector<Record> records;
        std::ifstream in(root / "extents");
        for (std::string volume, uuid, name; in >> volume >> uuid >> name;)
            records.push_back({{"VolumeName", volume},
                               {"VMFSUUID", uuid},
                               {"DeviceName", name},
                               {"ExtentNumber", "0"},
                               {"Partition", "1"}});
        print_list(records);
    } else if (is("storage filesystem list")) {
        const auto said = text_of(root / "datastore-type");
        if (said == "unreadable")
            return fail("Error: it is not told today");
        print_list({{{"MountPoint", "/vmfs/volumes/uuid-1"},
                     {"VolumeName", "ds1"},
                     {"UUID", "uuid-1"},
                     {"Mounted", "true"},
                     {"Type", said.empty() ? "VMFS-6" : said},
                     {"Size", "1000"},
                     {"Free", "500"}}});
    } else
        return fail("Error: Unknown command or namespace " + line);
    return 0;
}

// -i SOURCE -d rdm:TARGET OUT, or -q DISK, which is never there
int vmkfstools(const Words& words)
{
    if (words.at(0) == "-q") {
        const auto how = text_of(root / "query-mode"); // "", "killed", "found" or "mute"
        if (how == "killed")
            ::raise(SIGKILL);
        if (how.empty())
            std::cout << "Failed to open '" << words.at(1) << "': The system cannot find the file specified (25).\n";
        return how == "found" ? 0 : 1;
    }
    append(root / "clones", words.at(3));
    const std::string mode = text_of(root / "clone-mode"); // "", "hold" or "fail"
    std::cout << "Cloning disk '" << words.at(1) << "'...\n\rClone: 10% done." << std::flush;
    while (mode == "hold" && fs::exists(root) && !fs::exists(root / "release")) // its host may be gone first
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
    if (mode == "fail") {
        std::cout << "\rClone: 43% done.Failed to clone disk: Input/output error (327689)." << std::flush;
        return 1;
    }
    std::cout << "\rClone: 100% done." << std::flush;
    return 0;
}

// Saves what lies below pki/ for the next boot.
int auto_backup()
{
    append(root / "calls", "auto-backup");
    if (fs::exists(root / "backup-kills")) // whoever asked dies at this very moment
        ::kill(::getppid(), SIGKILL);
    if (fs::exists(root / "backup-fails"))
        return fail("no space left on the boot bank");
    fs::copy(root / "pki", root / "saved", fs::copy_options::recursive | fs::copy_options::overwrite_existing);
    return 0;
}

} // namespace

int main(int argc, char** argv)
{
    const fs::path self = argv[0];
    root = self.parent_path().parent_path();
    const Words words(argv + 1, argv + argc);
    if (self.filename() == "auto-backup.sh")
        return auto_backup();
    if (self.filename() == "ps" && fs::exists(root / "ps-says")) {
        std::cout << text_of(root / "ps-says");
        return 0;
    }
    if (self.filename() == "ps") {
        for (const char* command : {"serve --config /c.json", "selftest --config /c.json"})
            std::cout << "1  1  xcopy-agent  /opt/xcopy-agent/bin/xcopy-agent ++group=host/vim " << command << '\n';
        std::cout << text_of(root / "ps");
        return 0;
    }
    if (self.filename() == "vmkfstools")
        return vmkfstools(words);
    if (self.filename() == "vsish" && fs::exists(root / "vsish-garbles")) {
        std::cout << "VSISHCmdGetInt():Get failed\n";
        return 1;
    }
    if (self.filename() == "vsish") {
        std::cout << "Statistics {\n   readOps:1\n   cloneReadOps:0\n   cloneWriteOps:0\n   failedCloneOps:0\n"
                     "   blocksWritten:0\n}\n";
        return 0;
    }
    return esxcli(words);
}
