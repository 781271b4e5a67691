#include "tests/dropin/forklift.hpp"

#include <fmt/format.h>
#include <openssl/evp.h>

#include <algorithm>
#include <cctype>
#include <regex>

namespace dropin {

namespace {

constexpr const char* group = "forklift.konveyor.io";

std::string host_of(const std::string& url)
{
    static const std::regex form(R"re(^[a-z]+://([^/?#]+).*)re");
    std::smatch part;
    return std::regex_match(url, part, form) ? part[1].str() : url;
}

void take(Secret& into, const Secret& from)
{
    for (const auto& [key, value] : from)
        into.insert_or_assign(key, value);
}

void alias(Secret& into, const Secret& from, const char* key, const char* variable)
{
    if (const auto found = from.find(key); found != from.end())
        into.insert_or_assign(variable, found->second);
}

Json labels(const DiskOfPlan& disk)
{
    return {{"migration", disk.plan + "-1"}, {"plan", disk.plan}, {"vmID", disk.vm}};
}

Json owned_by_claim(const DiskOfPlan& disk)
{
    return Json::array(
        {{{"apiVersion", "v1"}, {"kind", "PersistentVolumeClaim"}, {"name", disk.name}, {"uid", disk.uid}}});
}

Json claim_spec(const DiskOfPlan& disk)
{
    return {{"accessModes", {"ReadWriteMany"}},
            {"storageClassName", "san"},
            {"volumeMode", "Block"},
            {"resources", {{"requests", {{"storage", std::to_string(disk.size)}}}}}};
}

std::string from_base64(const std::string& text)
{
    std::string out(text.size() / 4 * 3 + 3, '\0');
    const int size =
        ::EVP_DecodeBlock(reinterpret_cast<unsigned char*>(out.data()),
                          reinterpret_cast<const unsigned char*>(text.data()), static_cast<int>(text.size()));
    const auto padding = std::count(text.begin(), text.end(), '=');
    out.resize(static_cast<std::size_t>(std::max(0L, static_cast<long>(size) - static_cast<long>(padding))));
    return out;
}

bool is_variable(const std::string& name)
{
    return !name.empty() && std::isdigit(static_cast<unsigned char>(name.front())) == 0 &&
           std::ranges::all_of(name, [](unsigned char c) { return std::isalnum(c) != 0 || c == '_'; });
}

std::optional<std::smatch> find(const std::string& text, const std::string& pattern)
{
    std::smatch part;
    if (!std::regex_search(text, part, std::regex(pattern)))
        return std::nullopt;
    return part;
}

const std::string family = "vsphere_xcopy_volume_populator_";

} // namespace

// The order of contract 5.1: what comes later goes over what came before.
Secret merged_secret(const Release& release, const Provider& provider, const Secret& storage)
{
    Secret all = provider.secret;
    take(all, storage);
    alias(all, provider.secret, "user", "GOVMOMI_USERNAME");
    alias(all, provider.secret, "user", "accessKeyId");
    alias(all, provider.secret, "password", "GOVMOMI_PASSWORD");
    alias(all, provider.secret, "password", "secretKey");
    alias(all, provider.secret, "insecureSkipVerify", "GOVMOMI_INSECURE");
    if (release.has_aliases) {
        alias(all, storage, "management_address", "STORAGE_HOSTNAME");
        alias(all, storage, "username", "STORAGE_USERNAME");
        alias(all, storage, "password", "STORAGE_PASSWORD");
    }
    all["GOVMOMI_HOSTNAME"] = host_of(provider.url);
    if (!release.gives_leases_and_keys)
        return all;
    if (!provider.clone_method.empty())
        all["ESXI_CLONE_METHOD"] = provider.clone_method;
    all["HOST_LEASE_NAMESPACE"] = provider.lease_namespace;
    all["HOST_LEASE_DURATION_SECONDS"] = "10";
    if (!provider.ssh_private_key.empty()) {
        all["SSH_PRIVATE_KEY"] = provider.ssh_private_key;
        all["SSH_PUBLIC_KEY"] = provider.ssh_public_key;
    }
    return all;
}

std::string name_of_disk(const std::string& vm, int disk)
{
    std::string name;
    for (const char c : vm)
        if (std::isalnum(static_cast<unsigned char>(c)) != 0)
            name += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
        else if (!name.empty() && name.back() != '-')
            name += '-';
    while (name.ends_with('-'))
        name.pop_back();
    return fmt::format("{}-disk-{}-{:08x}", name.empty() ? "vm" : name, disk,
                       static_cast<std::uint32_t>(std::hash<std::string>()(vm)));
}

std::string path_of_copy(const std::string& top, bool warm)
{
    return warm ? std::regex_replace(top, std::regex(R"re(-[0-9]{6}\.vmdk$)re"), ".vmdk") : top;
}

std::vector<std::string> arguments(const Release& release, const DiskOfPlan& disk)
{
    std::vector<std::string> all{"--source-vm-id=" + disk.vm,
                                 "--source-vmdk=" + disk.vmdk,
                                 "--target-namespace=" + disk.name_space,
                                 "--cr-name=" + disk.name,
                                 "--cr-namespace=" + disk.name_space,
                                 "--owner-name=" + disk.name,
                                 "--secret-name=" + disk.secret,
                                 "--storage-vendor-product=" + disk.vendor};
    if (release.names_migration_host && !disk.migration_host.empty())
        all.push_back("--migration-host=" + disk.migration_host);
    all.push_back(fmt::format("--pvc-size={}", disk.size));
    all.push_back("--owner-uid=" + disk.uid);
    return all;
}

Json claim(const Release& release, const DiskOfPlan& disk)
{
    auto all_labels = labels(disk);
    all_labels["sourceHost"] = disk.source_host;
    Json made{{"metadata",
               {{"name", disk.name},
                {"labels", all_labels},
                {"annotations", {{"copy-offload", disk.vmdk}, {"forklift.konveyor.io/disk-source", disk.vmdk}}}}},
              {"spec", claim_spec(disk)}};
    made["spec"]["dataSourceRef"] = {{"apiGroup", group}, {"kind", "VSphereXcopyVolumePopulator"}, {"name", disk.name}};
    if (!release.owns_by_reference)
        made["metadata"]["finalizers"] = {"forklift.konveyor.io/populate-target-protection"};
    return made;
}

Json custom_resource(const DiskOfPlan& disk)
{
    auto all_labels = labels(disk);
    all_labels["sourceHost"] = disk.source_host;
    Json spec{
        {"vmId", disk.vm}, {"vmdkPath", disk.vmdk}, {"secretName", disk.secret}, {"storageVendorProduct", disk.vendor}};
    if (!disk.migration_host.empty())
        spec["migrationHost"] = disk.migration_host;
    return {{"apiVersion", fmt::format("{}/v1beta1", group)},
            {"kind", "VSphereXcopyVolumePopulator"},
            {"metadata", {{"name", disk.name}, {"labels", all_labels}, {"ownerReferences", owned_by_claim(disk)}}},
            {"spec", spec}};
}

Json custom_resource_definition()
{
    Json status = Json::object();
    for (const char* field : {"progress", "xcopyUsed", "vibVersion", "copyDurationSeconds", "result", "storageVendor",
                              "cloneMethod", "storageProtocol", "provisionedBytes", "allocatedBytes"})
        status[field] = {{"type", "string"}};
    Json spec = Json::object();
    for (const char* field : {"vmId", "vmdkPath", "secretName", "storageVendorProduct", "migrationHost"})
        spec[field] = {{"type", "string"}};
    const Json schema{{"type", "object"},
                      {"properties",
                       {{"spec",
                         {{"type", "object"},
                          {"properties", spec},
                          {"required", {"vmId", "vmdkPath", "secretName", "storageVendorProduct"}}}},
                        {"status", {{"type", "object"}, {"properties", status}}}}}};
    return {{"metadata", {{"name", fmt::format("vspherexcopyvolumepopulators.{}", group)}}},
            {"spec",
             {{"group", group},
              {"scope", "Namespaced"},
              {"names",
               {{"kind", "VSphereXcopyVolumePopulator"},
                {"plural", "vspherexcopyvolumepopulators"},
                {"shortNames", {"vxvp", "vxvps"}}}},
              {"versions", Json::array({{{"name", "v1beta1"},
                                         {"served", true},
                                         {"storage", true},
                                         {"schema", {{"openAPIV3Schema", schema}}}}})}}}};
}

Json pod(const Release& release, const DiskOfPlan& disk)
{
    auto all_labels = labels(disk);
    all_labels["pvcName"] = disk.name;
    all_labels["sourceHost"] = disk.migration_host.empty() ? disk.source_host : disk.migration_host;
    Json container{{"name", "populate"},
                   {"image", "registry.example.com/xcopy-coordinator:test"},
                   {"args", arguments(release, disk)},
                   {"ports", Json::array({{{"name", "metrics"}, {"containerPort", 8443}}})},
                   {"envFrom", Json::array({{{"secretRef", {{"name", disk.secret}}}}})},
                   {"volumeDevices", Json::array({{{"name", "target"}, {"devicePath", "/dev/block"}}})},
                   {"securityContext",
                    {{"allowPrivilegeEscalation", false},
                     {"runAsNonRoot", true},
                     {"runAsUser", 107},
                     {"capabilities", {{"drop", {"ALL"}}}}}}};
    if (release.maps_ca)
        container["env"] = Json::array(
            {{{"name", "cacert"},
              {"valueFrom", {{"secretKeyRef", {{"name", disk.secret}, {"key", "ca.crt"}, {"optional", true}}}}}}});
    Json made{{"metadata", {{"name", pod_name(disk.uid)}, {"labels", all_labels}}},
              {"spec",
               {{"containers", Json::array({container})},
                {"serviceAccountName", "populator"},
                {"nodeName", "worker-1"}, // what a scheduler would choose
                {"restartPolicy", "Never"},
                {"securityContext", {{"fsGroup", 107}, {"seccompProfile", {{"type", "RuntimeDefault"}}}}},
                {"volumes", Json::array({{{"name", "target"},
                                          {"persistentVolumeClaim", {{"claimName", prime_name(disk.uid)}}}}})}}}};
    if (release.owns_by_reference)
        made["metadata"]["ownerReferences"] = owned_by_claim(disk);
    return made;
}

Json prime_claim(const Release& release, const DiskOfPlan& disk)
{
    Json made{{"metadata", {{"name", prime_name(disk.uid)}, {"labels", labels(disk)}}}, {"spec", claim_spec(disk)}};
    if (release.owns_by_reference)
        made["metadata"]["ownerReferences"] = owned_by_claim(disk);
    return made;
}

std::string pod_name(const std::string& uid)
{
    return "populate-" + uid;
}

std::string prime_name(const std::string& uid)
{
    return "prime-" + uid;
}

std::map<std::string, std::string> variables(const Json& secret, bool maps_ca)
{
    std::map<std::string, std::string> all;
    const auto data = secret.value("data", Json::object());
    for (const auto& [key, value] : data.items())
        if (is_variable(key))
            all[key] = from_base64(value);
    if (maps_ca && data.contains("ca.crt"))
        all["cacert"] = from_base64(data.at("ca.crt"));
    return all;
}

Scraped read_metrics(const Release& release, const std::string& text, const std::string& uid)
{
    Scraped found;
    if (!release.reads_results) { // the name may have a prefix, the label stands alone
        if (const auto part = find(text, R"(progress\{ownerUID=")" + uid + R"("\} (\d+\.?\d*))"))
            found.progress = (*part)[1].str();
        return found;
    }
    const auto owned = [&](const char* name, const std::string& number, const std::string& more = "") {
        return find(text,
                    family + name + R"(\{([^}]*owner_uid=")" + uid + "\"[^}]*" + more + R"([^}]*)\} ()" + number + ")");
    };
    const auto label = [](const std::string& labels, const char* name) {
        const auto part = find(labels, name + std::string(R"re(="([^"]*)")re"));
        return part ? (*part)[1].str() : std::string();
    };
    if (const auto part = owned("progress", R"(\d+\.?\d*)"))
        found.progress = std::to_string(static_cast<std::uint64_t>(std::stod((*part)[2])));
    if (const auto part = owned("xcopy_used", R"(\d+)"))
        found.results["xcopyUsed"] = (*part)[2];
    if (const auto part = owned("vib_version", R"(\d+)"))
        found.results["vibVersion"] = label((*part)[1], "version");
    for (const auto& [field, type] :
         {std::pair{"provisionedBytes", "provisioned"}, std::pair{"allocatedBytes", "datastore_allocated"}})
        if (const auto part = owned("source_disk_bytes", "[0-9.e+]+", fmt::format("type=\"{}\"", type)))
            found.results[field] = fmt::format("{:g}", std::stod((*part)[2]));
    if (const auto part = owned("copy_duration_seconds", "[0-9.]+")) {
        found.completed = true;
        const std::string labels = (*part)[1];
        found.results["copyDurationSeconds"] = (*part)[2];
        found.results["result"] = label(labels, "result");
        found.results["storageVendor"] = label(labels, "storage_vendor");
        found.results["cloneMethod"] = label(labels, "clone_method");
        found.results["storageProtocol"] = label(labels, "storage_protocol");
        found.results["xcopyUsed"] = label(labels, "xcopy_used");
    }
    return found;
}

} // namespace dropin
