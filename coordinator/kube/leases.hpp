// The Leases of one namespace. A request whose answer was lost is looked after, so what comes back is what is.
#pragma once

#include "coordinator/kube/lease.hpp"
#include "vendors/call.hpp"
#include "vendors/rest/api.hpp"

#include <string>
#include <vector>

namespace xcopy::kube {

class Leases {
public:
    Leases(rest::Api& api, std::string name_space);

    Result<Lease> get(const Call&, const std::string& name);

    // Errc::conflict with reason already_exists: somebody else's.
    Result<Lease> create(const Call&, const Lease&);

    // Errc::conflict with reason changed_meanwhile: somebody wrote it since it was read.
    Result<Lease> update(const Call&, const Lease&);

    Result<std::vector<Lease>> list(const Call&, const std::string& label_selector); // all pages

    const std::string& name_space() const { return name_space_; }
    const std::string& server() const { return api_.rules().array; }

private:
    std::string path(const std::string& name = "") const;
    Result<Lease> after(const Call&, const Lease& wanted, const Error& said);

    rest::Api& api_;
    std::string name_space_;
};

} // namespace xcopy::kube
