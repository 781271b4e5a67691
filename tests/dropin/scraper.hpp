// The populator controller's look at one pod's /metrics, contract 2.1: again and again, without a check of its certificate, until the
// pod is not seen running any more.
#pragma once

#include "tests/dropin/forklift.hpp"
#include "tests/kube/kube_api.hpp"

#include <atomic>
#include <chrono>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace dropin {

struct ScrapeRules {
    Release release;
    std::string url;  // https://<pod's address>:8443/metrics
    std::string uid;  // of the claim
    std::string path; // of the custom resource
    std::chrono::milliseconds interval;
    std::function<bool()> is_running; // what the cache says of the pod
};

class Scraper {
public:
    Scraper(kube_test::KubeApi&, ScrapeRules);

    std::vector<int> progress() const;      // every figure read, in order
    std::vector<std::string> texts() const; // every answer
    bool completed() const { return completed_; }
    bool reads_results() const { return rules_.release.reads_results; }

private:
    void run(const std::stop_token&);
    bool look(xcopy::rest::Transport&, const std::stop_token&);

    kube_test::KubeApi& api_;
    ScrapeRules rules_;
    mutable std::mutex mutex_;
    std::vector<int> progress_;
    std::vector<std::string> texts_;
    std::atomic<bool> completed_{false};
    std::jthread thread_;
};

} // namespace dropin
