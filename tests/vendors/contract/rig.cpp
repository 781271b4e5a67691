#include "tests/vendors/contract/rig.hpp"

#include "vendors/registry.hpp"
#include "vendors/rest/observed.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <utility>

namespace xcopy::contract {

using nlohmann::json;

namespace {

constexpr std::uint64_t volume_size = std::uint64_t{8} << 30; // sparse; a size that every array can have
constexpr const char* worker_iqn = "iqn.1994-05.com.redhat:worker-1";
constexpr const char* worker_wwpn = "100000109b3c0001";
constexpr const char* worker_sdc = "11111111-aaaa-4aaa-8aaa-111111111111";

std::filesystem::path new_directory()
{
    std::string name = (std::filesystem::temp_directory_path() / "xcopy-contract-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr)
        throw std::runtime_error("mkdtemp");
    return name;
}

json config_of(const Subject& subject, const std::filesystem::path& directory, const json& switches)
{
    json config = {{"kind", subject.vendor},
                   {"name", subject.vendor + "-a"},
                   {"user", "migrator"},
                   {"password", "Ganz-Geheim-4711"},
                   {"directory", (directory / "volumes").string()},
                   {"serve", false}};
    config.update(subject.lab);
    if (!switches.empty())
        config["switches"].update(switches);
    return config;
}

const char* worker_of(const Initiator& initiator)
{
    switch (initiator.kind) {
    case Initiator::Kind::fc:
        return worker_wwpn;
    case Initiator::Kind::iscsi:
        return worker_iqn;
    case Initiator::Kind::sdc:
        return worker_sdc;
    }
    return worker_iqn;
}

} // namespace

std::string on_fabric(const Initiator& initiator)
{
    return initiator.kind == Initiator::Kind::fc ? initiator.wwpn : initiator.name;
}

Rig::Rig(const Subject& the_subject, const json& switches)
    : subject(the_subject), directory_(new_directory()), pki_(directory_ / "pki")
{
    lab_ = lab::make_array(config_of(subject, directory_, switches), fabric_, events_, pki_);
    wire_ = std::make_unique<LabWire>(*lab_);
    time_ = std::make_unique<LabTime>(*lab_);
    const auto keep = [this](std::string_view line) {
        const std::lock_guard lock(mutex_);
        told_ += std::string(line) + "\n";
    };
    observed_ = rest::observed(
        *wire_, {.exchange = [keep](const rest::Exchange& one) { keep(rest::one_line(one)); }, .warning = keep});
    new_driver();
    if (!subject.creates_hosts) {
        std::vector<std::string> initiators;
        for (const auto& initiator : subject.initiators)
            initiators.push_back(on_fabric(initiator));
        control({{"verb", "host.create"}, {"name", "esx-1"}, {"initiators", initiators}});
    }
    volume = make_volume("pvc-5f0c2d3e-7a41-4c1b-9a2e-1b3c4d5e6f70");
    control({{"verb", "map"},
             {"volume", volume["naa"]},
             {"host", "worker-1"},
             {"initiators", {worker_of(subject.initiators.front())}}});
}

Rig::~Rig()
{
    driver_.reset();
    lab_.reset();
    std::filesystem::remove_all(directory_);
}

json Rig::control(json order)
{
    auto answer = lab_->handle_control(order);
    EXPECT_FALSE(answer.contains("error")) << order << " " << answer;
    return answer;
}

ArrayConfig Rig::config() const
{
    auto secret = lab_->handle_control({{"verb", "secret"}});
    secret["STORAGE_HOSTNAME"] = "array.example.com";
    secret.update(subject.secret);
    return array_config_from(subject.vendor, secret.get<std::map<std::string, std::string>>());
}

void Rig::new_driver()
{
    driver_.reset(); // signs out
    auto made = make_array(config(), *observed_, *time_);
    if (!made)
        throw std::runtime_error(made.error().message);
    driver_ = std::move(*made);
}

json Rig::make_volume(const std::string& name, json more)
{
    json order = {{"verb", "volume.create"}, {"name", name}, {"size", volume_size}};
    order.update(more);
    return control(order);
}

VolumeHandle Rig::handle_in(const json& handle)
{
    return {handle.at("volumeHandle"), handle.at("volumeAttributes").get<std::map<std::string, std::string>>()};
}

HostIdentity Rig::host() const
{
    return {"4c4c4544-0042-4a10-8035-b4c04f4b3333", "esx-1", subject.initiators};
}

json Rig::mappings(const std::string& naa)
{
    json found = json::array();
    const auto answer = control({{"verb", "mappings"}});
    for (const auto& mapping : answer["mappings"])
        if (mapping["naa"] == naa)
            found.push_back(mapping);
    return found;
}

json Rig::foreign(const std::string& naa)
{
    json found = json::array();
    for (const auto& mapping : mappings(naa)) {
        const auto initiators = mapping["initiators"].get<std::vector<std::string>>();
        if (std::ranges::none_of(subject.initiators,
                                 [&](const auto& one) { return std::ranges::count(initiators, on_fabric(one)) > 0; }))
            found.push_back(mapping);
    }
    return found;
}

bool Rig::reaches_host(const std::string& naa)
{
    const auto shown = fabric_.presentations();
    return std::ranges::any_of(shown, [&](const lab::Presentation& one) {
        return one.naa == naa && std::ranges::any_of(subject.initiators, [&](const Initiator& initiator) {
                   return on_fabric(initiator) == one.initiator;
               });
    });
}

json Rig::hosts()
{
    json found = json::array();
    const auto answer = control({{"verb", "hosts"}});
    for (const auto& host : answer["hosts"])
        if (!host["name"].get<std::string>().starts_with("xcopy-"))
            found.push_back(host);
    return found;
}

DiskRun Rig::run_disk(const VolumeHandle& handle)
{
    DiskRun run;
    const auto failed = [&](const Error& error, std::string step) {
        tell(error);
        run.error = error;
        run.step = std::move(step);
        return run;
    };
    const auto found = driver().find_volume(call, handle);
    if (!found)
        return failed(found.error(), "find_volume");
    const auto ensured = ensure();
    if (!ensured)
        return failed(ensured.error(), "ensure_host");
    const auto before = driver().mappings_of(call, *found);
    if (!before)
        return failed(before.error(), "mappings_of");
    std::optional<int> lun;
    if (auto* numbers = driver().lun_numbers()) {
        const auto used = numbers->used_by(call, *ensured);
        if (!used)
            return failed(used.error(), "used_by");
        lun = 1;
        while (used->contains(*lun))
            ++*lun;
    }

    auto mapped = driver().map(call, *found, *ensured, lun);
    if (mapped) {
        run.lun = mapped->lun;
        run.reached_host = reaches_host(found->naa);
    } else {
        (void)failed(mapped.error(), "map");
    }
    const Call cleanup; // a stopped copy still tidies up
    for (int attempt = 0; attempt < 3; ++attempt) {
        const auto unmapped = driver().unmap(cleanup, *found, *ensured);
        run.undoing = unmapped ? std::nullopt : std::optional(unmapped.error());
        if (unmapped)
            break;
        tell(unmapped.error());
    }
    return run;
}

void Rig::tell(const Error& error)
{
    const std::lock_guard lock(mutex_);
    told_ += fmt::format("{} ({}; {})\n", error.message, error.remedy, error.reason);
}

std::string Rig::told() const
{
    const std::lock_guard lock(mutex_);
    return told_;
}

std::vector<std::string> Rig::secrets()
{
    std::vector<std::string> all;
    const auto secret = control({{"verb", "secret"}});
    for (const char* key : {"STORAGE_PASSWORD", "STORAGE_TOKEN"})
        if (secret.contains(key))
            all.push_back(secret[key]);
    const auto sessions = control({{"verb", "sessions"}});
    for (const auto& token : sessions["tokens"])
        all.push_back(token);
    return all;
}

} // namespace xcopy::contract
