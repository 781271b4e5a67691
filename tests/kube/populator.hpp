// A coordinator's own view of the test cluster: as the service account "populator", over a wire that may break.
#pragma once

#include "coordinator/kube/access.hpp"
#include "tests/kube/storage_objects.hpp"

#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace kube_test {

// What happens to requests, counted from 1.
class FaultyWire final : public xcopy::rest::Transport {
public:
    enum class Fault { refused, reply_lost };

    explicit FaultyWire(xcopy::rest::Transport& inner) : inner_(inner) {}

    int fault_at = 0;  // this one
    int dead_from = 0; // this one and all later ones are refused
    Fault fault = Fault::refused;
    std::function<void(const xcopy::rest::Request&)> before;

    xcopy::Result<xcopy::rest::Reply> send(const xcopy::Call&, const xcopy::rest::Request&,
                                           const xcopy::rest::Tls&) override;

    void die(); // from now on nothing gets through, as if the process were gone
    int count() const;
    std::vector<std::string> names() const; // "PUT /apis/…"

private:
    xcopy::rest::Transport& inner_;
    mutable std::mutex mutex_;
    std::vector<std::string> names_;
    bool dead_ = false;
};

struct Populator {
    Populator(KubeApi&, const std::string& name_space);

    std::unique_ptr<xcopy::rest::Transport> curl = xcopy::rest::curl_transport();
    FaultyWire wire{*curl};
    xcopy::kube::Access access;
    std::unique_ptr<xcopy::rest::Api> api;
};

} // namespace kube_test
