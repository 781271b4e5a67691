#include "tests/lab/control.hpp"

#include "tests/lab/control_host.hpp"
#include "tests/lab/vmkfstools/descriptor.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <fstream>
#include <random>

namespace lab {

namespace fs = std::filesystem;
using nlohmann::json;

namespace {

const DatastoreConfig& datastore_of(World& world, const json& order)
{
    const auto name = order.at("datastore").get<std::string>();
    const auto& all = world.scenario().datastores;
    const auto found = std::find_if(all.begin(), all.end(), [&](const auto& d) { return d.name == name; });
    if (found == all.end())
        throw std::invalid_argument("no datastore is called " + name);
    return *found;
}

fs::path file_below(const fs::path& root, const std::string& file)
{
    const auto clean = fs::path(file).lexically_normal();
    if (clean.empty() || clean.is_absolute() || *clean.begin() == "..")
        throw std::invalid_argument("a file is named relative to its datastore");
    return root / clean;
}

json status(World& world, const json&)
{
    return world.ready();
}

json add_rule(World& world, const json& order)
{
    return {{"rule", world.events.add_rule(rule_from_json(order))}};
}

json clear_rules(World& world, const json& order)
{
    world.events.clear_rules(order.contains("rule") ? std::optional(order.at("rule").get<int>()) : std::nullopt);
    return json::object();
}

json events(World& world, const json& order)
{
    return {{"events", world.events.history(order.value("after", std::uint64_t{0}))}};
}

json wait_event(World& world, const json& order)
{
    const std::regex where(order.value("where", ""));
    const std::regex what(order.value("what", ""));
    const std::chrono::milliseconds time(order.value("timeout_ms", 20'000));
    if (!world.events.wait_event(where, what, order.value("count", 1), order.value("after", std::uint64_t{0}), time))
        return {{"ok", false}, {"error", "no such event came"}};
    return json::object();
}

json wait_hold(World& world, const json& order)
{
    const std::chrono::milliseconds time(order.value("timeout_ms", 20'000));
    if (!world.events.wait_held(order.at("name"), order.value("count", 1), time))
        return {{"ok", false}, {"error", "nobody was held"}};
    return json::object();
}

json release_hold(World& world, const json& order)
{
    return {{"released", world.events.release(order.at("name"))}};
}

json set_vmkfstools(World& world, const json& order)
{
    return {{"settings", world.clones.set(order)}};
}

json starts(World& world, const json&)
{
    return {{"starts", world.clones.starts()}};
}

json violations(World& world, const json&)
{
    return {{"violations", world.clones.violations()}};
}

json volumes(World& world, const json&)
{
    auto list = json::array();
    for (const auto& v : world.fabric.volumes())
        list.push_back({{"array", v.array},
                        {"naa", v.naa},
                        {"size", v.size_bytes},
                        {"file", v.file.string()},
                        {"vendor", v.vendor},
                        {"model", v.model}});
    return {{"volumes", list}};
}

json presentations(World& world, const json& order)
{
    auto list = json::array();
    for (const auto& p : world.fabric.presentations())
        if (!order.contains("naa") || order.at("naa") == p.naa)
            list.push_back({{"naa", p.naa}, {"initiator", p.initiator}, {"lun", p.lun}});
    return {{"presentations", list}};
}

// For tests that need no array simulator: the fabric, changed by hand.
json add_volume(World& world, const json& order)
{
    const auto naa = order.at("naa").get<std::string>();
    const auto array = order.value("array", "ontap-a");
    world.fabric.add_volume({array, naa, order.at("size").get<std::uint64_t>(),
                             world.directory / "volumes" / array / naa, order.value("vendor", "NETAPP"),
                             order.value("model", "LUN C-Mode")});
    return {{"file", world.fabric.volume(naa)->file.string()}};
}

json remove_volume(World& world, const json& order)
{
    world.fabric.remove_volume(order.at("naa"));
    return json::object();
}

json present(World& world, const json& order)
{
    world.fabric.present({order.at("naa"), order.at("initiator"), order.at("lun")});
    return json::object();
}

json withdraw(World& world, const json& order)
{
    world.fabric.withdraw(order.at("naa"), order.at("initiator"));
    return json::object();
}

json datastore_path(World& world, const json& order)
{
    const auto& store = datastore_of(world, order);
    return {{"path", world.datastore_directory(store.name).string()}, {"uuid", store.uuid}};
}

json set_datastore(World& world, const json& order)
{
    const auto& store = datastore_of(world, order);
    for (auto& [name, host] : world.hosts) {
        const std::lock_guard lock(host->state().mutex);
        for (auto& mounted : host->state().datastores)
            if (mounted.name == store.name)
                mounted.free = order.at("free").get<std::uint64_t>();
    }
    return json::object();
}

// A MiB of data that depends on `seed` at `first` and after every `every` bytes; the rest of the file are holes.
void fill(const fs::path& file, std::uint64_t bytes, std::uint64_t seed, std::uint64_t first, std::uint64_t every)
{
    constexpr std::uint64_t mib = std::uint64_t{1} << 20;
    std::ofstream out(file, std::ios::binary);
    std::mt19937_64 random(seed);
    std::vector<std::uint64_t> words(mib / sizeof(std::uint64_t));
    for (std::uint64_t at = first; at < bytes; at += every) {
        std::generate(words.begin(), words.end(), random);
        out.seekp(static_cast<std::streamoff>(at));
        out.write(reinterpret_cast<const char*>(words.data()), static_cast<std::streamsize>(std::min(mib, bytes - at)));
    }
    out.close();
    fs::resize_file(file, bytes);
}

// A flat disk of any size; every 16th MiB is filled unless `every` says otherwise.
json create_disk(World& world, const json& order)
{
    const auto root = world.datastore_directory(datastore_of(world, order).name);
    const auto descriptor = file_below(root, order.at("file"));
    const auto bytes = order.at("size").get<std::uint64_t>();
    const auto flat = descriptor.parent_path() / (descriptor.stem().string() + "-flat.vmdk");
    fs::create_directories(descriptor.parent_path());
    std::ofstream(descriptor) << flat_descriptor(bytes, flat.filename().string(), order.value("thin", false));
    fill(flat, bytes, order.value("seed", std::uint64_t{1}), 0, order.value("every", std::uint64_t{16} << 20));
    return {{"descriptor", descriptor.string()}, {"flat", flat.string()}};
}

// A delta above `parent`, in the same folder: a disk of SEsparse kind in which one MiB was written since, at `at`.
json create_delta(World& world, const json& order)
{
    const auto root = world.datastore_directory(datastore_of(world, order).name);
    const auto descriptor = file_below(root, order.at("file"));
    const auto parent = file_below(root, order.at("parent"));
    const auto below = read_layout(parent);
    if (!below || parent.parent_path() != descriptor.parent_path())
        throw std::invalid_argument("no such parent in this folder");
    const auto extent = descriptor.parent_path() / (descriptor.stem().string() + "-sesparse.vmdk");
    std::ofstream(descriptor) << delta_descriptor(below->bytes(), extent.filename().string(),
                                                  parent.filename().string());
    fill(extent, below->bytes(), order.value("seed", std::uint64_t{2}), order.at("at").get<std::uint64_t>(),
         below->bytes());
    return {{"descriptor", descriptor.string()}, {"extent", extent.string()}};
}

json lock_disk(World& world, const json& order)
{
    const auto root = world.datastore_directory(datastore_of(world, order).name);
    world.clones.lock_disk(file_below(root, order.at("file")), order.value("locked", true));
    return json::object();
}

json pointer_files(World& world, const json&)
{
    auto list = json::array();
    for (const auto& store : world.scenario().datastores)
        for (const auto& entry : fs::recursive_directory_iterator(world.datastore_directory(store.name)))
            if (entry.path().filename().string().find("-xcopy-") != std::string::npos)
                list.push_back(entry.path().string());
    std::sort(list.begin(), list.end());
    return {{"files", list}};
}

json array_order(World& world, const json& order, const std::string& verb)
{
#ifdef XCOPY_LAB_ARRAYS
    const auto array = world.arrays.find(order.at("array"));
    if (array == world.arrays.end())
        throw std::invalid_argument("no array is called " + order.at("array").get<std::string>());
    auto inner = order;
    inner.erase("do");
    inner["verb"] = verb;
    auto answer = array->second->handle_control(inner);
    if (answer.contains("error"))
        answer["ok"] = false;
    return answer;
#else
    (void)world, (void)order;
    throw std::invalid_argument("this lab was built without arrays: " + verb);
#endif
}

using Verb = json (*)(World&, const json&);
const std::map<std::string, Verb> verbs{
    {"status", status},
    {"rule.add", add_rule},
    {"rule.clear", clear_rules},
    {"events", events},
    {"events.wait", wait_event},
    {"hold.wait", wait_hold},
    {"hold.release", release_hold},
    {"vmkfstools.set", set_vmkfstools},
    {"vmkfstools.starts", starts},
    {"violations", violations},
    {"fabric.volumes", volumes},
    {"fabric.presentations", presentations},
    {"fabric.add_volume", add_volume},
    {"fabric.remove_volume", remove_volume},
    {"fabric.present", present},
    {"fabric.withdraw", withdraw},
    {"datastore.path", datastore_path},
    {"datastore.set", set_datastore},
    {"datastore.create_disk", create_disk},
    {"datastore.create_delta", create_delta},
    {"datastore.lock", lock_disk},
    {"pointer_files", pointer_files},
    {"host.agent.start", agent_start},
    {"host.agent.stop", agent_stop},
    {"host.agent.kill", agent_kill},
    {"host.agent.restart", agent_restart},
    {"host.agent.status", agent_status},
    {"host.reboot", reboot},
    {"host.sshd", sshd},
    {"host.authorize", authorize},
    {"host.software", software},
    {"host.processes", processes},
    {"host.kill", kill_process},
    {"host.spawn", spawn},
    {"host.process", process_status},
    {"host.run", run},
    {"host.set", set_host},
    {"host.devices", devices},
};

} // namespace

json obey(World& world, const json& order)
{
    try {
        const auto name = order.at("do").get<std::string>();
        json answer;
        if (name.starts_with("array."))
            answer = array_order(world, order, name.substr(6));
        else if (const auto verb = verbs.find(name); verb != verbs.end())
            answer = verb->second(world, order);
        else
            throw std::invalid_argument("the lab does not know the verb " + name);
        if (!answer.contains("ok"))
            answer["ok"] = true;
        return answer;
    } catch (const std::exception& problem) {
        return {{"ok", false}, {"error", problem.what()}};
    }
}

} // namespace lab
