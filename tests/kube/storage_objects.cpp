#include "tests/kube/storage_objects.hpp"

#include "tests/kube/manifests.hpp"

#include <fmt/format.h>

#include <chrono>
#include <stdexcept>
#include <thread>

namespace kube_test {

namespace {

std::string with_name(const std::string& folder, const std::string& name)
{
    return name.empty() ? folder : folder + '/' + name;
}

Json claim_of(const DiskOptions& options, const std::string& name)
{
    return {{"metadata", {{"name", name}}},
            {"spec",
             {{"accessModes", {"ReadWriteMany"}},
              {"storageClassName", "san"},
              {"volumeMode", options.volume_mode},
              {"resources", {{"requests", {{"storage", options.size}}}}}}}};
}

// The authorizer reads roles and bindings a moment after they were written.
void wait_until_allowed(KubeApi& api, const std::string& account, const Json& what)
{
    const Json review{{"spec",
                       {{"user", "system:serviceaccount:" + account + ":populator"},
                        {"groups", Json::array({"system:serviceaccounts"})},
                        {"resourceAttributes", what}}}};
    for (int attempt = 0; attempt < 1000; ++attempt) {
        const auto answer = api.create("/apis/authorization.k8s.io/v1/subjectaccessreviews", review);
        if (answer.at("status").at("allowed"))
            return;
        std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    throw std::runtime_error("the populator never got its rights: " + what.dump());
}

} // namespace

void ensure(KubeApi& api, const std::string& path, const Json& body)
{
    const auto reply = api.ask(xcopy::rest::Method::post, path, body);
    if (reply.status != 201 && reply.status != 409)
        throw std::runtime_error(fmt::format("{}: {}", path, reply.body.dump()));
}

std::string lease_path(const std::string& name_space, const std::string& name)
{
    return with_name(fmt::format("/apis/coordination.k8s.io/v1/namespaces/{}/leases", name_space), name);
}

std::string claim_path(const std::string& name_space, const std::string& name)
{
    return with_name(fmt::format("/api/v1/namespaces/{}/persistentvolumeclaims", name_space), name);
}

std::string volume_path(const std::string& name)
{
    return with_name("/api/v1/persistentvolumes", name);
}

void make_storage_class(KubeApi& api, const std::string& driver)
{
    ensure(api, "/apis/storage.k8s.io/v1/storageclasses",
           {{"metadata", {{"name", "san"}}}, {"provisioner", driver}, {"volumeBindingMode", "Immediate"}});
}

DiskObjects make_disk(KubeApi& api, const std::string& name_space, const DiskOptions& options)
{
    make_storage_class(api, options.driver);
    auto claim = claim_of(options, options.name);
    if (options.forklift)
        claim["spec"]["dataSourceRef"] = {
            {"apiGroup", "forklift.konveyor.io"}, {"kind", "VSphereXcopyVolumePopulator"}, {"name", options.name}};
    const auto made = api.create(claim_path(name_space), claim);
    DiskObjects disk{.name_space = name_space, .claim = options.name, .uid = made["metadata"]["uid"], .volume = {}};

    Json holder = made;
    if (options.through_prime) {
        auto prime = claim_of(options, "prime-" + disk.uid);
        prime["metadata"]["ownerReferences"] = Json::array(
            {{{"apiVersion", "v1"}, {"kind", "PersistentVolumeClaim"}, {"name", disk.claim}, {"uid", disk.uid}}});
        holder = api.create(claim_path(name_space), prime);
    }
    if (!options.bound)
        return disk;
    disk.volume = bind_volume(api, holder, options);
    return disk;
}

std::string bind_volume(KubeApi& api, const Json& claim, const DiskOptions& options)
{
    const std::string name_space = claim["metadata"]["namespace"];
    const std::string holder_name = claim["metadata"]["name"];
    const std::string holder_uid = claim["metadata"]["uid"];
    const auto volume = "pvc-" + holder_uid;
    api.create(volume_path(), {{"metadata", {{"name", volume}}},
                               {"spec",
                                {{"accessModes", {"ReadWriteMany"}},
                                 {"capacity", {{"storage", options.size}}},
                                 {"storageClassName", "san"},
                                 {"volumeMode", options.volume_mode},
                                 {"claimRef",
                                  {{"apiVersion", "v1"},
                                   {"kind", "PersistentVolumeClaim"},
                                   {"namespace", name_space},
                                   {"name", holder_name},
                                   {"uid", holder_uid}}},
                                 {"csi",
                                  {{"driver", options.driver},
                                   {"volumeHandle", options.handle},
                                   {"volumeAttributes", options.attributes}}}}}});
    api.merge(claim_path(name_space, holder_name), {{"spec", {{"volumeName", volume}}}});
    api.merge(claim_path(name_space, holder_name) + "/status", {{"status", {{"phase", "Bound"}}}});
    api.merge(volume_path(volume) + "/status", {{"status", {{"phase", "Bound"}}}});
    return volume;
}

DiskOptions options_of(const std::string& claim, std::uint64_t size, const std::vector<std::string>& handle)
{
    DiskOptions options{.name = claim, .size = std::to_string(size), .handle = {}, .attributes = {}};
    for (const auto& flag : handle) {
        const auto value = flag.substr(flag.find('=') + 1);
        if (flag.starts_with("--volume-handle="))
            options.handle = value;
        else
            options.attributes[value.substr(0, value.find('='))] = value.substr(value.find('=') + 1);
    }
    return options;
}

namespace {

// Where an object of that kind is created.
std::string folder_of(const Json& object, const std::string& name_space)
{
    const auto kind = object.at("kind").get<std::string>();
    if (kind == "ServiceAccount")
        return fmt::format("/api/v1/namespaces/{}/serviceaccounts", name_space);
    const std::string rbac = "/apis/rbac.authorization.k8s.io/v1/";
    if (kind == "ClusterRole")
        return rbac + "clusterroles";
    if (kind == "ClusterRoleBinding")
        return rbac + "clusterrolebindings";
    return fmt::format("{}namespaces/{}/{}", rbac, name_space, kind == "Role" ? "roles" : "rolebindings");
}

// As kustomize would apply them for another namespace than the one that the file names.
void ensure_rights(KubeApi& api, const std::string& file, const std::string& name_space, const std::string& account)
{
    for (auto object : read_yaml(std::string(XCOPY_MANIFESTS) + '/' + file)) {
        const bool names_account = object.contains("subjects");
        if (names_account) {
            object["subjects"][0]["namespace"] = account;
            object["metadata"]["name"] = object["metadata"]["name"].get<std::string>() + '-' + account;
        }
        ensure(api, folder_of(object, name_space), object);
    }
}

} // namespace

void wait_for_rights(KubeApi& api, const std::string& name_space, const std::string& lease_namespace)
{
    const auto lease = [](const std::string& where) {
        return Json{{"verb", "create"}, {"group", "coordination.k8s.io"}, {"resource", "leases"}, {"namespace", where}};
    };
    wait_until_allowed(api, name_space, {{"verb", "get"}, {"resource", "persistentvolumes"}});
    wait_until_allowed(api, name_space, lease(name_space));
    if (!lease_namespace.empty())
        wait_until_allowed(api, name_space, lease(lease_namespace));
}

void make_populator(KubeApi& api, const std::string& name_space, const std::string& lease_namespace)
{
    ensure_rights(api, "rights/populator.yaml", name_space, name_space);
    if (!lease_namespace.empty())
        ensure_rights(api, "host-leases/host-leases.yaml", lease_namespace, name_space);
    wait_for_rights(api, name_space, lease_namespace);
}

} // namespace kube_test
