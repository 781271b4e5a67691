// Forklift's lock around rescans of a host over SSH or esxcli: two Leases a host, slot 0 and slot 1, whoever holds one may
// rescan. Names and rules are upstream's (forklift internal/populator/host_lease.go, read 2026-11), so that its pods and
// ours keep out of each other's way. Hosts with an agent need none: the agent itself does one rescan at a time.
//
// A lock that cannot be had because the cluster does not allow or answer it is no reason to fail a copy: the rescan is
// then done without, and the log says so.
#pragma once

#include "coordinator/kube/leases.hpp"
#include "coordinator/log.hpp"

#include <chrono>
#include <memory>
#include <stop_token>
#include <string>

namespace xcopy::kube {

struct HostLeaseRules {
    std::chrono::seconds duration{10};          // HOST_LEASE_DURATION_SECONDS
    int slots = 2;                              // how many may rescan one host at once
    std::chrono::milliseconds look_again{1000}; // at the latest, while all slots are held
    std::chrono::milliseconds patience{15000};  // with an API server that does not answer
};

// "host-123" → "hostsystem-host-123": the host's managed object reference as upstream spells it. Empty where that would
// be no DNS label.
std::string host_lease_id(std::string_view moref);
std::string host_lease_name(const std::string& host_id, int slot);

class HostPermit {
public:
    HostPermit() = default;
    HostPermit(const HostPermit&) = delete;
    HostPermit& operator=(const HostPermit&) = delete;
    virtual ~HostPermit() = default; // gone: the slot is free at once

    virtual bool is_held() const = 0;         // false: the rescan is done without a lock
    virtual std::stop_token lost() const = 0; // told when somebody else took the slot, or it could not be renewed
};

class HostLeases {
public:
    HostLeases(Leases leases, Log& log, HostLeaseRules rules = {});

    // Waits for a slot until the call ends: Errc::cancelled, or Errc::busy naming the holders.
    Result<std::unique_ptr<HostPermit>> enter(const Call&, const std::string& host_id);

private:
    struct Look {
        std::optional<Lease> taken{};
        std::string holders{};
        std::optional<Time> first_expiry{};
    };

    Result<Look> look(const Call&, const std::string& host_id);
    Result<Lease> acquire(const Call&, Lease found);

    Leases leases_;
    Log& log_;
    HostLeaseRules rules_;
    std::string me_;
};

} // namespace xcopy::kube
