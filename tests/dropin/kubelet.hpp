// The node: runs pods of the API server as processes in the image's root, as a container runtime would: UID 107, no
// capabilities, a read-only root, process 1 of its own process namespace, the service account's token mounted, an address of its
// own. What a kubelet tells the API server of them is written into their status.
#pragma once

#include "tests/dropin/forklift.hpp"
#include "tests/end_to_end/process.hpp"
#include "tests/kube/kube_api.hpp"

#include <chrono>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace dropin {

// One life of a pod, kept after its end.
struct PodRun {
    std::string pod; // its name
    std::string uid;
    std::string disk_uid; // of the claim it was started for
    std::string address;
    std::vector<std::string> arguments{};
    std::filesystem::path account; // what is mounted as the service account
    std::unique_ptr<e2e::Process> process{};
    int inner_pid = 0; // of process 1 inside
    std::chrono::steady_clock::time_point begun{}, asked_to_end{}, ended{};
    bool was_asked_to_end = false;
    bool has_ended = false;
    e2e::Ran ran{};
};

class Kubelet {
public:
    // `image`: a root file system with /bin/xcopy-coordinator; `folder`: for what the pods write.
    Kubelet(kube_test::KubeApi&, std::string name_space, std::filesystem::path image, std::filesystem::path folder);

    // One look at the pods given (a list as the API server has it): starts, watches, ends.
    void sync(const Json& pods);

    // Without the API server: as a node does when it runs short of something. The pod's phase becomes Failed.
    void evict(const std::string& pod);
    void kill(const std::string& pod); // the machine's power goes off

    void rotate_token(const std::string& pod);

    PodRun* running(const std::string& pod);
    const std::vector<std::unique_ptr<PodRun>>& runs() const { return runs_; }

private:
    void start(const Json& pod);
    void look_after(PodRun&, const Json& pod);
    void end(PodRun&, std::chrono::seconds grace);
    void write_token(const PodRun&) const;
    void report(const PodRun&, const Json& status) const;

    kube_test::KubeApi& api_;
    std::string name_space_;
    std::filesystem::path image_;
    std::filesystem::path folder_;
    std::vector<std::unique_ptr<PodRun>> runs_;
    int network_; // the third byte of its pods' addresses
    int next_ = 0;
};

std::string pod_path(const std::string& name_space, const std::string& name = "");

} // namespace dropin
