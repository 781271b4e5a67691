// What users apply, applied to a real API server by the real kubectl; and the Job's words run as it says.
#include "tests/kube/manifests.hpp"
#include "tests/kube/pod.hpp"
#include "tests/kube/storage_objects.hpp"
#include "tests/vsphere/migration.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <unistd.h>

namespace kube_test {
namespace {

namespace fs = std::filesystem;
using e2e::mib;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::UnorderedElementsAre;

std::string text_of(const fs::path& file)
{
    std::ifstream in(file, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
}

void replace_in(const fs::path& file, const std::string& old, const std::string& now)
{
    auto text = text_of(file);
    const auto at = text.find(old);
    ASSERT_NE(at, std::string::npos) << file << " has no " << old;
    std::ofstream(file) << text.replace(at, old.size(), now);
}

// A user's copy of the manifests, in which they put what is theirs.
class Manifests : public ::testing::Test {
protected:
    Manifests()
    {
        fs::remove_all(copy);
        fs::copy(XCOPY_MANIFESTS, copy, fs::copy_options::recursive);
        for (const auto* name : {"vms", "openshift-mtv", "migration"})
            ensure_namespace(name);
    }

    void ensure_namespace(const std::string& name)
    {
        api.ask(xcopy::rest::Method::post, "/api/v1/namespaces", {{"metadata", {{"name", name}}}});
    }

    void put(const std::string& file, const std::string& text) const { std::ofstream(copy / file) << text; }

    void expect_applied(const std::string& folder)
    {
        for (int times = 0; times < 2; ++times) { // again is as good
            const auto ran =
                kubectl(api, {"apply", "--server-side", "--validate=strict", "-k", (copy / folder).string()});
            EXPECT_EQ(ran.exit, 0) << folder << ": " << ran.err;
            EXPECT_THAT(ran.err, Not(HasSubstr("Warning"))) << folder;
        }
    }

    // What envFrom makes of a Secret.
    std::map<std::string, std::string> variables_of(const std::string& name_space, const std::string& secret)
    {
        const auto ran =
            kubectl(api, {"get", "secret", secret, "-n", name_space, "-o",
                          R"(go-template={{range $k, $v := .data}}{{$k}}={{$v | base64decode}}{{"\x00"}}{{end}})"});
        EXPECT_EQ(ran.exit, 0) << ran.err;
        std::map<std::string, std::string> all;
        for (std::size_t at = 0; at < ran.out.size();) {
            const auto end = ran.out.find('\0', at);
            const auto equals = ran.out.find('=', at);
            all[ran.out.substr(at, equals - at)] = ran.out.substr(equals + 1, end - equals - 1);
            at = end + 1;
        }
        return all;
    }

    KubeApi& api = KubeApi::shared();
    fs::path copy = api.folder() / "manifests";
};

// Whoever widens them has to change this as well. Source: contract 5.3; the Secret there is not needed by us.
TEST_F(Manifests, TheRightsAreThoseThatForkliftGivesAndNoMore)
{
    std::vector<Json> rules;
    for (const auto* file : {"rights/populator.yaml", "host-leases/host-leases.yaml"})
        for (const auto& object : read_yaml(copy / file))
            if (object.contains("rules"))
                for (const auto& rule : object["rules"])
                    rules.push_back({object["kind"], rule["resources"], rule["verbs"]});
    EXPECT_THAT(rules,
                UnorderedElementsAre(Json{"Role", {"persistentvolumeclaims"}, {"get", "list", "watch"}},
                                     Json{"Role", {"leases"}, {"get", "list", "watch", "create", "update", "patch"}},
                                     Json{"ClusterRole", Json::array({"persistentvolumes"}), Json::array({"get"})},
                                     Json{"Role", {"leases"}, {"get", "list", "watch", "create", "update"}}));
}

TEST_F(Manifests, RightsAndHostLeasesAreApplied)
{
    expect_applied("rights");
    expect_applied("host-leases");
    const auto may = [&](const std::string& verb, const std::string& what, const std::string& where) {
        return kubectl(api, {"auth", "can-i", verb, what, "-n", where, "--as=system:serviceaccount:vms:populator"})
                   .exit == 0;
    };
    const auto account = api.get("/api/v1/namespaces/vms/serviceaccounts/populator");
    EXPECT_EQ(account["metadata"]["name"], "populator");
    wait_for_rights(api, "vms", "openshift-mtv");
    EXPECT_TRUE(may("update", "leases.coordination.k8s.io", "openshift-mtv"));
    EXPECT_FALSE(may("delete", "leases.coordination.k8s.io", "vms"));
    EXPECT_FALSE(may("get", "secrets", "vms"));
}

TEST_F(Manifests, KeysOfTheStorageSecretAreNamesOfVariables)
{
    fs::copy_file(copy / "storage-secret/array.env.example", copy / "storage-secret/array.env");
    for (const auto* pem : {"array-ca.pem", "agent-ca.pem", "coordinator.pem", "coordinator.key"})
        put(std::string("storage-secret/") + pem, "-----BEGIN-----\nlines\n-----END-----\n");
    expect_applied("storage-secret");
    const auto keys = variables_of("openshift-mtv", "xcopy-storage");
    EXPECT_EQ(keys.at("XCOPY_AGENT_KEY"), "-----BEGIN-----\nlines\n-----END-----\n");
    EXPECT_EQ(keys.at("ONTAP_SVM"), "svm1");
    for (const auto& [key, value] : keys)
        EXPECT_EQ(key.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZ_"), std::string::npos) << key;
}

// `kubectl wait` fails for a definition that has no conditions yet, and an established one may not be served at once.
bool comes_to_be_served(KubeApi& api, const std::string& resource)
{
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::minutes(1);
    while (kubectl(api, {"get", "--all-namespaces", resource}).exit != 0)
        if (std::chrono::steady_clock::now() > deadline)
            return false;
    return true;
}

// cert-manager's own definitions, without what Helm would fill in.
void define_cert_manager(KubeApi& api)
{
    const auto found = e2e::run({XCOPY_GO_MODULE, XCOPY_CERT_MANAGER},
                                {{"HOME", std::getenv("HOME")}, {"PATH", std::getenv("PATH")}}, api.folder());
    ASSERT_EQ(found.exit, 0) << found.err;
    const fs::path crds = found.out.substr(0, found.out.find('\n')) + "/deploy/crds";
    for (const std::string kind : {"certificates", "issuers", "certificaterequests"}) {
        std::ifstream in(crds / ("crd-" + kind + ".yaml"));
        std::ofstream out(api.folder() / "crd.yaml");
        for (std::string line; std::getline(in, line);)
            if (line.find("{{") == std::string::npos)
                out << line << '\n';
        out.close();
        const auto ran = kubectl(api, {"apply", "--server-side", "-f", (api.folder() / "crd.yaml").string()});
        ASSERT_EQ(ran.exit, 0) << ran.err;
        EXPECT_TRUE(comes_to_be_served(api, kind + ".cert-manager.io"));
    }
}

TEST_F(Manifests, CertManagersDefinitionsAllowItsOwn)
{
    define_cert_manager(api);
    expect_applied("cert-manager");
    const auto request = copy / "cert-manager/host-request.yaml"; // edited as its README says
    replace_in(request, "xcopy-host-NAME", "xcopy-host-esx1");
    replace_in(request, "request: REQUEST", "request: LS0tLS1CRUdJTg==");
    const auto ran = kubectl(api, {"apply", "--server-side", "--validate=strict", "-n", "migration", "-f", request});
    EXPECT_EQ(ran.exit, 0) << ran.err;
    EXPECT_EQ(
        api.get("/apis/cert-manager.io/v1/namespaces/migration/certificates/xcopy-agent-operator")["spec"]["uris"],
        Json::array({"xcopy://role/operator"}));
}

std::string lines_of(const Json& secret)
{
    std::string text;
    for (const auto& [key, value] : secret.items())
        text += fmt::format("{}={}\n", key, value.get<std::string>());
    return text;
}

TEST_F(Manifests, TheJobCopiesADiskAsItsWordsAndSecretsSay)
{
    const auto here = api.make_namespace();
    e2e::Migration migration({e2e::vm("web", "poweredOff", {e2e::flat("[datastore1] web/web.vmdk")})});
    auto& site = migration.site;
    const auto disk = site.make_disk("web/web.vmdk", 16 * mib);
    const auto target = site.make_target(16 * mib);
    make_disk(api, here, options_of("web-disk-1", target.size, target.handle));

    // What a user edits and adds.
    replace_in(copy / "job/kustomization.yaml", "namespace: vms", "namespace: " + here);
    replace_in(copy / "rights/kustomization.yaml", "namespace: vms", "namespace: " + here);
    replace_in(copy / "rights/populator.yaml", "populator-pv-reader-vms", "populator-pv-reader-" + here);
    replace_in(copy / "job/job.yaml", "vm-123", migration.vcenter.id("vm web"));
    put("job/array.env", lines_of(site.lab.ready().at("arrays").at(site.array()).at("secret")));
    put("job/array-ca.pem", text_of(site.lab.ca()));
    put("job/vcenter.env", lines_of({{"GOVMOMI_HOSTNAME", migration.vcenter.host_and_port()},
                                     {"GOVMOMI_USERNAME", migration.vcenter.user()},
                                     {"GOVMOMI_PASSWORD", migration.vcenter.password()}}));
    put("job/vcenter-ca.pem", text_of(migration.vcenter.ca_file()));
    expect_applied("job");
    wait_for_rights(api, here, "");

    // What a kubelet makes of it.
    const auto job = api.get(fmt::format("/apis/batch/v1/namespaces/{}/jobs/copy-web-disk-1", here));
    const auto pod = job["spec"]["template"]["spec"];
    const auto container = pod["containers"][0];
    EXPECT_FALSE(container.contains("command")) << "the image's entry point";
    auto environment = pod_environment(api);
    environment["HOME"] = "/tmp";
    for (const auto& source : container["envFrom"])
        environment.merge(variables_of(here, source["secretRef"]["name"]));
    const auto agent = site.work() / "agent";
    fs::create_directories(agent);
    fs::copy_file(site.lab.ca(), agent / "ca.crt");
    fs::copy_file(site.lab.operator_cert(), agent / "tls.crt");
    fs::copy_file(site.lab.operator_key(), agent / "tls.key");
    const auto token = api.token(here, pod["serviceAccountName"]);
    auto argv = in_a_container({service_account(api, here, token, site.work() / "account"),
                                {agent, container["volumeMounts"][0]["mountPath"]}});
    const auto user = std::to_string(pod["securityContext"]["runAsUser"].get<int>());
    argv.insert(argv.end(), {"--unshare-user", "--uid", user, "--cap-drop", "ALL", XCOPY_COORDINATOR_PROGRAM});
    for (const auto& word : container["args"])
        argv.push_back(word);
    const auto ran = e2e::run(argv, environment, site.work());
    EXPECT_EQ(ran.exit, 0) << ran.err << ran.out;
    EXPECT_TRUE(e2e::same_bytes(disk.flat, target.file, disk.size));
    EXPECT_THAT(ran.err, Not(HasSubstr("forbidden")));
}

} // namespace
} // namespace kube_test
